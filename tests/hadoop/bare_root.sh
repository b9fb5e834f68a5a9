#!/bin/bash
# bare_root.sh ROOT JAVA JARS LOG4J DATA PROGRAMS: a streaming job that counts the words of DATA in a root of its own, ROOT, an
# empty folder. It gets a shell with the commands that Hadoop itself runs, the C library, JAVA, JARS and the two programs.
# Needs root. What is mounted goes with this process.
set -eu
root=$1 java=$2 jars=$3 log4j=$4 data=$5 programs=$6

if [ -z "${HEARTLINE_BARE_ROOT:-}" ]; then
    HEARTLINE_BARE_ROOT=1 exec unshare --mount -- "$0" "$@"
fi

# A file and the libraries that the dynamic linker finds for it.
put() {
    local file
    for file in "$1" $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do
        case $file in "$java"/*) continue ;; esac
        [ -e "$root/$file" ] || cp --parents --dereference "$file" "$root"
    done
}
mkdir -p "$root"/{bin,etc,tmp,proc,jars,data,work,programs} "$root$java"
ln -s "$(command -v bash)" "$root/bin/sh"
# Hadoop's: chmod and ln in its file system, env to start a mapper, ls and id for owners.
for command in bash env chmod ln ls id readlink; do
    put "$(command -v "$command")"
done
put "$java/bin/java"
for library in server/libjvm.so libjava.so libnet.so libnio.so libzip.so libjaas.so libmanagement.so libextnet.so; do
    [ ! -e "$java/lib/$library" ] || put "$java/lib/$library"
done
# Hadoop asks who runs it, and what this host is called.
echo 'root:x:0:0:root:/:/bin/sh' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
echo 'passwd: files
group: files
hosts: files' >"$root/etc/nsswitch.conf"
echo "127.0.0.1 localhost $(uname -n)" >"$root/etc/hosts"
cp "$log4j" "$root/log4j.properties"
cp "$data"/*.txt "$root/data/"
for program in wc-mapper wc-reducer; do
    cp "$programs/$program" "$root/programs/"
    put "$programs/$program"
done
mount --bind "$java" "$root$java"
# Debian keeps Java's configuration elsewhere, and has links to it.
for link in $(find "$java/lib" "$java/conf" -type l -lname '/etc/*' 2>/dev/null); do
    mkdir -p "$root$(dirname "$(readlink -f "$link")")"
    cp --dereference "$link" "$root$(readlink -f "$link")" 2>/dev/null || cp -r --dereference "$link/." "$root$(readlink -f "$link")"
done
mount --bind "$jars" "$root/jars"
mount -t proc proc "$root/proc"

exec env -i PATH=/usr/bin:/bin "$(command -v chroot)" "$root" /bin/sh -c 'cd /work && exec "$@"' sh \
    "$java/bin/java" -XX:+UseSerialGC -Dlog4j.configuration=file:/log4j.properties \
    --add-opens=java.base/java.lang=ALL-UNNAMED -Djava.io.tmpdir=/tmp -cp '/jars/*' \
    org.apache.hadoop.util.RunJar "/jars/$(basename "$jars"/hadoop-streaming-*.jar)" \
    -D hadoop.tmp.dir=/tmp/hadoop -D mapreduce.client.progressmonitor.pollinterval=100 \
    -files /programs/wc-mapper,/programs/wc-reducer \
    -input /data -output /output -mapper wc-mapper -reducer wc-reducer
