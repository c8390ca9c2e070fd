#!/usr/bin/env bash
# ceph-rgw.sh start DIR PORT | stop DIR     single-node Ceph RGW on loopback, unprivileged (any uid), everything in DIR
set -euo pipefail
cmd=$1 D=$2 PORT=${3:-7480}
stop() { for p in rgw osd mon; do [ -f "$D/$p.pid" ] && kill "$(cat "$D/$p.pid")" 2>/dev/null || true; done; }
if [ "$cmd" = stop ]; then stop; exit; fi
[ -e "$D" ] && { echo "ceph-rgw.sh: $D exists; give a new folder" >&2; exit 2; }
mkdir -p "$D"/{mon,osd,run,rgw}
MONPORT=$((PORT+1000)); FSID=$(cat /proc/sys/kernel/random/uuid)
STORE=${RGW_STORE:-memstore}
cat > "$D/ceph.conf" <<C
[global]
fsid = $FSID
mon host = v2:127.0.0.1:$MONPORT/0
ms bind msgr1 = false
ms bind ipv6 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
auth supported = none
run dir = $D/run
admin socket = $D/run/\$name.asok
log file = $D/\$name.log
log to stderr = false
err to stderr = true
crash dir = $D/run
plugin dir = /usr/lib/ceph
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon allow pool delete = true
mon max pg per osd = 1000
mon data avail warn = 1
mon data avail crit = 1
paxos propose interval = 0.01
paxos min wait = 0.01
mon osd cache size = 50
mon cluster log to file = false
mon cluster log to syslog = false
ms type = async+posix
ms async op threads = 1
[mon]
mon data = $D/mon
mon osd min up ratio = 0
rocksdb cache size = 8388608
[osd]
osd data = $D/osd
osd objectstore = $STORE
memstore device bytes = ${RGW_BYTES:-4294967296}
bluestore block size = ${RGW_BYTES:-4294967296}
bluestore block create = true
bluestore fsck on mount = false
osd memory target = 939524096
osd class load list = *
osd class default list = *
osd class dir = /usr/lib/x86_64-linux-gnu/rados-classes
osd op num shards = 1
osd op num threads per shard = 2
osd max object name len = 256
osd max object namespace len = 64
osd check max object name len on startup = false
osd heartbeat grace = 120
[client]
rgw data = $D/rgw
ms mon client mode = crc
rgw frontends = beast endpoint=127.0.0.1:$PORT tcp_nodelay=1
rgw enable usage log = false
rgw enable ops log = false
rgw thread pool size = ${RGW_THREADS:-16}
rgw dns name = localhost
rgw crypt require ssl = false
rgw crypt s3 kms backend = testing
rgw crypt s3 kms encryption keys = testkey-1=YmluCmJvb3N0CmJvb3N0LWJ1aWxkCmNlcGguY29uZgo= testkey-2=aWIKTWFrZWZpbGUKbWFuCm91dApzcmMKVGVzdGluZwo=
rgw lc debug interval = ${RGW_LC_DAY_SECONDS:--1}
rgw gc obj min wait = 5
rgw override bucket index max shards = 1
rgw cache enabled = true
rgw num rados handles = 1
rgw enable static website = false
rgw enable apis = s3, admin${RGW_STS:+, sts, iam}
${RGW_STS:+rgw sts key = abcdefghijklmnop}
${RGW_STS:+rgw s3 auth use sts = true}
C
export CEPH_CONF="$D/ceph.conf"
L() { nice -n "${RGW_NICE:-0}" "$@"; }
trap 'stop' ERR
monmaptool --create --clobber --fsid "$FSID" --addv a "[v2:127.0.0.1:$MONPORT]" "$D/monmap" >/dev/null
L ceph-mon --mkfs -i a --monmap "$D/monmap" 2>"$D/mon.mkfs.err"
nice -n "${RGW_NICE:-0}" ceph-mon -f -i a >"$D/mon.out" 2>&1 & echo $! > "$D/mon.pid"
OSDUUID=$(cat /proc/sys/kernel/random/uuid)
L ceph osd new "$OSDUUID" 0 >/dev/null 2>"$D/osdnew.err" || L ceph osd create "$OSDUUID" 0 >/dev/null
L ceph-osd --mkfs -i 0 --osd-uuid "$OSDUUID" >"$D/osd.mkfs.out" 2>&1
nice -n "${RGW_NICE:-0}" ceph-osd -f -i 0 >"$D/osd.out" 2>&1 & echo $! > "$D/osd.pid"
L radosgw-admin user create --uid=test --display-name=test --access-key="${RGW_AK:-AKIATESTTESTTESTTEST}" --secret-key="${RGW_SK:-testsecrettestsecret}" >"$D/user.json" 2>"$D/user.err"
nice -n "${RGW_NICE:-0}" radosgw -f -n client.rgw >"$D/rgw.out" 2>&1 & echo $! > "$D/rgw.pid"
for i in $(seq 1 600); do curl -fsS -o /dev/null "http://127.0.0.1:$PORT/" 2>/dev/null && exit 0; sleep 0.05; done
echo "radosgw not ready" >&2; stop; exit 1
