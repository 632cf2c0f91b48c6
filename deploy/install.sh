#!/bin/bash
# Installs or upgrades the platform on a Debian server: packages, database, environment, services, proxy. Run it as root from a
# checkout of the release; it may be repeated, and changes nothing that stands in /etc/integration/environment.
#
#   deploy/install.sh integration.example.com [CERTIFICATE KEY]
#
# Without a certificate it makes one of its own, which browsers warn of: put a real one in its place and reload nginx.
set -euo pipefail

host=${1:?usage: deploy/install.sh HOSTNAME [CERTIFICATE KEY]}
certificate=${2:-/etc/ssl/certs/integration.pem}
key=${3:-/etc/ssl/private/integration.key}
source=$(cd "$(dirname "$0")/.." && pwd)
cd /  # the users below may not read where this was called
home=/opt/integration
settings=/etc/integration/environment

[ "$(id -u)" = 0 ] || { echo "Run this as root." >&2; exit 1; }
say() { echo "== $*"; }
# A container or a chroot has no systemd: there the services are installed and left to whoever starts them.
has_systemd() { [ -d /run/systemd/system ]; }

say "Packages"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y --no-install-recommends python3 python3-venv postgresql nginx openssl rsync ca-certificates > /dev/null

say "User and files"
id integration > /dev/null 2>&1 || useradd --system --home-dir "$home" --shell /usr/sbin/nologin integration
install -d -m 755 "$home" /etc/integration
install -d -m 700 -o integration -g integration /var/backups/integration
[ "$source" = "$home" ] || rsync -a --delete --exclude /.git --exclude /.venv --exclude /var --exclude __pycache__ "$source/" "$home/"
[ -x "$home/.venv/bin/python" ] || python3 -m venv "$home/.venv"
"$home/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$home/requirements/base.txt"

say "Database"
if has_systemd; then systemctl start postgresql; else service postgresql start > /dev/null; fi
as_postgres() { runuser -u postgres -- psql -qtA -v ON_ERROR_STOP=1 "$@"; }
if ! as_postgres -c "SELECT 1 FROM pg_roles WHERE rolname = 'integration'" | grep -q 1; then
    # Without superuser or CREATEROLE: the role under which everything runs is made here, once.
    as_postgres -c "CREATE ROLE integration LOGIN" -c "CREATE ROLE platform_app NOLOGIN NOBYPASSRLS" \
        -c "GRANT platform_app TO integration WITH ADMIN OPTION"
fi
as_postgres -c "SELECT 1 FROM pg_database WHERE datname = 'integration'" | grep -q 1 ||
    as_postgres -c "CREATE DATABASE integration OWNER integration"

if [ ! -e "$settings" ]; then
    say "Environment, with new keys"
    new_key() { "$home/.venv/bin/python" -c 'import secrets; print(secrets.token_urlsafe(50))'; }
    new_fernet() { "$home/.venv/bin/python" -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'; }
    (umask 077; cat > "$settings" <<END
# The platform's environment: docs/operations.md explains each. After a change: systemctl restart integration-web integration-worker
SECRET_KEY=$(new_key)
CREDENTIAL_KEYS=$(new_fernet)
CPR_KEY=$(new_key)
ALLOWED_HOSTS=$host,127.0.0.1
PUBLIC_URL=https://$host
TRUSTED_PROXIES=1
DATABASE_URL=postgresql:///integration?host=/var/run/postgresql
EMAIL_URL=smtp://127.0.0.1:25
DEFAULT_FROM_EMAIL=integration@$host
END
    )
    chown root:integration "$settings"
    chmod 640 "$settings"
    first=yes
fi

say "Database tables and static files"
as_platform() { runuser -u integration -- bash -c 'set -a; . "$0"; set +a; cd "$1"; shift; exec .venv/bin/python manage.py "$@"' "$settings" "$home" "$@"; }
install -d -o integration -g integration "$home/var"
as_platform migrate --verbosity 0
as_platform collectstatic --no-input --verbosity 0
as_platform check --deploy --fail-level WARNING

say "Proxy"
if [ ! -e "$certificate" ]; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj "/CN=$host" -addext "subjectAltName=DNS:$host" \
        -out "$certificate" -keyout "$key" 2> /dev/null
fi
sed -e "s|integration.example.com|$host|g" -e "s|/etc/ssl/certs/integration.pem|$certificate|" \
    -e "s|/etc/ssl/private/integration.key|$key|" "$home/deploy/nginx.conf" > /etc/nginx/conf.d/integration.conf
nginx -tq

say "Services"
install -m 644 "$home"/deploy/systemd/integration-* /etc/systemd/system/
if has_systemd; then
    systemctl daemon-reload
    systemctl enable --quiet integration-web integration-worker
    systemctl enable --quiet --now integration-backup.timer
    systemctl restart integration-web integration-worker
    systemctl reload-or-restart nginx
    "$home/.venv/bin/python" - <<'END'
import time, urllib.request
for _ in range(60):
    try:
        print(urllib.request.urlopen("http://127.0.0.1:8000/readyz", timeout=2).read().decode())
        break
    except OSError:
        time.sleep(1)
else:
    raise SystemExit("The web server does not answer: journalctl -u integration-web")
END
else
    echo "No systemd here: the services are installed, nothing is started."
fi

[ "${first:-}" = yes ] && cat <<END

Done. Three things are left for you:
 1. Copy CREDENTIAL_KEYS and CPR_KEY from $settings to a safe place outside this server. Keys lost are passwords lost.
 2. Make the first person:
      runuser -u integration -- bash -c 'set -a; . $settings; cd $home; .venv/bin/python manage.py createsuperuser'
 3. Log in at https://$host/admin/
END
exit 0
