// Reads files, a JSON string a line, with the package dotenv, and answers with their variables, a JSON object a line.
const { parse } = require("dotenv");

require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => process.stdout.write(JSON.stringify(parse(JSON.parse(line))) + "\n"));
