# What pages use of a machine, in a folder: units of systemd, nginx, the commands of root.
# Sourced by the shell of a page. What is below /etc and /var is here below ./etc and ./var.

declare -A pids=([consigne]=$SERVER_PID)
mkdir -p etc/systemd/system etc/nginx/conf.d var/lib var/log

as_here() { sed "s,/opt/consigne/bin/,,g; s,/var/,$PWD/var/,g; s,/etc/,$PWD/etc/,g; s,%i,$1,g"; }

# systemctl stop|start|restart|enable|reload [--now] UNIT…: does what the units of the page say.
systemctl() {
    local verb=$1 unit
    shift
    [ "$1" = --now ] && shift
    for unit; do
        case $verb:$unit in
            reload:nginx) nginx -s reload ;;
            stop:*) unit_stop "$unit" ;;
            restart:*) unit_stop "$unit" && unit_start "$unit" ;;
            start:* | enable:*) unit_start "$unit" ;;
            *) return 1 ;;
        esac || return 1
    done
}

unit_start() {
    local file=etc/systemd/system/${1%@*}.service instance=${1#*@}
    [ "$instance" = "$1" ] || file=etc/systemd/system/${1%@*}@.service
    as_here "$instance" <"$file" >"var/$1" || return 1
    grep -q '^ExecStart=consigne ' "var/$1" && grep -q '^User=consigne$' "var/$1" || return 1
    {
        # A service has the settings of its unit, and no others.
        unset "${!CONSIGNE_@}"
        set -a
        eval "$(sed -n 's/^Environment=//p' "var/$1")"
        settings=$(sed -n 's/^EnvironmentFile=-\?//p' "var/$1")
        [ -f "$settings" ] && eval "$(as_here <"$settings")"
        $(sed -n 's/^ExecStartPre=//p' "var/$1")
        exec $BOUND $(sed -n 's/^ExecStart=//p' "var/$1")
    } >>"var/log/$1" 2>&1 &
    pids[$1]=$!
    running+=($!)
}

unit_stop() {
    local pid=${pids[$1]}
    kill "$pid" || return 1
    while grep -qs '^State:.[^ZX]' "/proc/$pid/status"; do sleep 0.05; done
}

# journalctl -u UNIT [-n LINES]: what it has said so far.
journalctl() { cat "var/log/$2"; }

# Debian's nginx, with a configuration of its own that takes in conf.d.
nginx() { command nginx -c "$PWD/etc/nginx/nginx.conf" -e "$PWD/var/log/nginx" "$@"; }
apt-get() {
    [ "$*" = "install nginx-light" ] || return 1
    {
        [ "$(id -u)" != 0 ] || echo "user root;"
        echo "daemon off; pid $PWD/nginx.pid; events {} http { access_log off;"
        for each in client_body proxy fastcgi uwsgi scgi; do echo "${each}_temp_path $PWD/var/$each;"; done
        echo "include $PWD/etc/nginx/conf.d/*.conf; }"
    } >etc/nginx/nginx.conf
    { exec $BOUND nginx -c "$PWD/etc/nginx/nginx.conf" -e "$PWD/var/log/nginx"; } >/dev/null 2>&1 &
    running+=($!)
    until [ -s nginx.pid ]; do kill -0 $! && sleep 0.05 || return 1; done
}

# sudo -u postgres COMMAND: as the owner of the database; what it asks for is answered.
sudo() {
    [ "$1 $2" = "-u postgres" ] || return 1
    shift 2
    printf 'secret\nsecret\n' | setsid -w "$@"
}
