#!/usr/bin/env bash
# Process 1 of the lab's host, in namespaces of its own: host_start.sh TREE NAME LOCK
#
# Makes a root of this machine's programs and of the files in TREE, and serves SSH in it. Standard input is the
# host's power: one line when its network is there, and the host lives until it ends.
set -euo pipefail
tree=$1 name=$2 lock=$3
exec {lock}>&- # the lab's lock stays with the process that waits for this one

echo namespaces
read -r _
echo "$name" >/proc/sys/kernel/hostname

# Whatever is not named here stays hidden: keys and users in /etc, /root, /home, /tmp, /var, checkouts anywhere.
settings='alternatives bash.bashrc bashrc crypto-policies debian_version ld.so.cache ld.so.conf ld.so.conf.d localtime
  login.defs mime.types os-release pki/ca-trust pki/tls/certs profile protocols python3 rpc security services
  ssl/certs ssl/openssl.cnf system-release terminfo'
mount -t tmpfs -o mode=0700 tmpfs "$tree/mnt"
cd "$tree/mnt"
root=$PWD/root
mkdir root
mount -t tmpfs -o mode=0755 tmpfs root
for directory in bin sbin lib lib32 lib64 libx32 usr; do
  if [ -L "/$directory" ]; then
    cp --no-dereference "/$directory" root/
  elif [ -d "/$directory" ]; then
    mkdir -p "$directory"/{upper,work} "root/$directory"
    mount -t overlay -o "lowerdir=/$directory,upperdir=$directory/upper,workdir=$directory/work" overlay "root/$directory"
  fi
done

cd root
mkdir -p dev etc proc sys run/sshd root home mnt opt srv var/{cache,empty,lib,log,spool}
mkdir -m 1777 tmp var/tmp
ln -s ../run var/run
chmod 0700 root
for entry in $settings; do
  [ ! -e "/etc/$entry" ] || (cd /etc && cp --archive --parents "$entry" "$root/etc")
done
cp --recursive --preserve=mode "$tree"/{etc,home,opt} .
chown -R 1000:1000 home/*
ln -s safesecrets-lab.pem "etc/ssl/certs/$(openssl x509 -noout -hash -in etc/ssl/certs/safesecrets-lab.pem).0"

mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
for entry in sys sysrq-trigger; do
  [ -e "proc/$entry" ] || continue
  mount --bind "proc/$entry" "proc/$entry"
  mount -o remount,bind,ro "proc/$entry"
done
mount -t tmpfs -o mode=0755 tmpfs dev
mkdir dev/pts
mkdir -m 1777 dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
for device in null:3 zero:5 full:7 random:8 urandom:9; do
  mknod -m 0666 "dev/${device%:*}" c 1 "${device#*:}"
done
mknod -m 0666 dev/tty c 5 0
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr

pivot_root . mnt
cd /
umount --lazy /mnt
rm -f /sbin/init # the host has no systemd: without this, Ansible takes it for one that is not yet booted

# What a container's root may do: not the machine's clock, modules, devices or mounts.
capabilities=-all
for capability in audit_write chown dac_override fowner fsetid kill net_bind_service net_raw setfcap setgid setpcap \
  setuid sys_chroot; do
  capabilities+=,+$capability
done
setpriv --bounding-set "$capabilities" -- /etc/init.d/safesecrets start </dev/null >&2 &
setpriv --bounding-set "$capabilities" -- /usr/sbin/sshd -D -e -f /etc/ssh/sshd_config_lab </dev/null >&2 &
echo ready
exec >&-
cat >/dev/null
exit 0
