// Streams audio to Transcribe with the AWS SDK for JavaScript: a request as JSON in, what came of it as JSON out.
const { StartStreamTranscriptionCommand, TranscribeStreamingClient } = require("@aws-sdk/client-transcribe-streaming");
const { json } = require("node:stream/consumers");

async function* audioStream(request) {
  const audio = Buffer.from(request.audio, "base64");
  for (let start = 0; start < audio.length; start += request.chunk_bytes) {
    yield { AudioEvent: { AudioChunk: audio.subarray(start, start + request.chunk_bytes) } };
  }
}

async function stream(client, request, outcome) {
  const response = await client.send(
    new StartStreamTranscriptionCommand({
      LanguageCode: request.language_code,
      MediaSampleRateHertz: request.sample_rate,
      MediaEncoding: request.media_encoding,
      SessionId: request.session_id,
      AudioStream: audioStream(request),
    }),
  );
  outcome.opened = {
    request_id: response.RequestId,
    session_id: response.SessionId,
    language_code: response.LanguageCode,
    sample_rate: response.MediaSampleRateHertz,
    media_encoding: response.MediaEncoding,
  };
  for await (const event of response.TranscriptResultStream) {
    outcome.results.push(
      event.TranscriptEvent.Transcript.Results.map((result) => ({
        id: result.ResultId,
        partial: result.IsPartial,
        transcript: result.Alternatives[0].Transcript,
        start: result.StartTime,
        end: result.EndTime,
        items: result.Alternatives[0].Items.map((item) => item.Content),
      })),
    );
  }
}

async function main() {
  const request = await json(process.stdin);
  const client = new TranscribeStreamingClient({
    region: request.region,
    endpoint: request.endpoint,
    credentials: {
      accessKeyId: request.access_key_id,
      secretAccessKey: request.secret_access_key,
      sessionToken: request.session_token ?? undefined,
    },
    maxAttempts: 1,
  });
  const outcome = { results: [] };
  try {
    await stream(client, request, outcome);
  } catch (error) {
    outcome.error = { code: error.name, message: error.message, status: error.$metadata?.httpStatusCode ?? null };
  }
  client.destroy();
  process.stdout.write(JSON.stringify(outcome));
}

main();
