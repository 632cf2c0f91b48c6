#!/bin/bash
# Dumps the database into FOLDER and removes dumps older than KEEP_DAYS (14). The keys are not in it: keep those elsewhere.
set -euo pipefail
folder=${1:?usage: backup.sh FOLDER}
file="$folder/integration-$(date +%Y%m%dT%H%M%S).dump"
# Under another name until it is whole: what has this name can be restored.
pg_dump --format=custom --no-owner --file="$file.part" "$DATABASE_URL"
mv "$file.part" "$file"
find "$folder" -name 'integration-*.dump' -mtime "+${KEEP_DAYS:-14}" -delete
find "$folder" -name 'integration-*.dump.part' -mtime +1 -delete
echo "$file"
