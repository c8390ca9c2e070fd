#!/bin/sh
# Writes one dataset of the newest backup to a file, with Python alone. Needs the packages cryptography and zstandard.
#
#   BACKUP_ENCRYPTION_KEY=<64 hex digits> ./restore.sh ./backups public.orders orders.copy
set -eu

repository=$1
dataset=$2
file=$3
reader=${HOLDFAST_READER:-node_modules/holdfast/tools/read-repository.py}

# The list has the oldest first.
newest=$(python3 "$reader" "$repository" | sed -n 's/^\(backups\/[^ ]*\).*/\1/p' | tail -n 1)
python3 "$reader" "$repository" "$newest" "$dataset" >"$file"
echo "$dataset of $newest is in $file"
