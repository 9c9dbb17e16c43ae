# symbols.sh FACE ARCHIVE SHARED_LIBRARY: what they define and what they need.
set -eu
face=$1
archive=$2
shared=$3

case $face in
wsio) functions='wsio_close wsio_create wsio_destroy wsio_dowork wsio_get_interface_description wsio_open wsio_send wsio_setoption' ;;
websock) functions='websock_close websock_open websock_recv websock_send_binary websock_send_ping websock_send_pong websock_send_text websock_set_event_handler websock_set_log_handler' ;;
esac
list='list_add list_create list_destroy list_find list_get_head_item list_get_next_item list_item_get_value list_remove'

same() { # what, is, expected
    if [ "$2" != "$3" ]; then
        printf '%s\n    is:       %s\n    expected: %s\n' "$1" "$2" "$3" >&2
        exit 1
    fi
}

# Names that FILE defines in the table of readelf's OPTION with this binding.
# Not nm, which asks linker plugins about objects that they cannot read.
defined() { # option, file, binding
    readelf -W "$1" "$2" | awk -v binding="$3" '$5 == binding && $7 != "UND" { print $8 }' \
        | LC_ALL=C sort | paste -sd ' '
}

dynamic() { # tag
    readelf -dW "$shared" | sed -n "s/.*($1).*\[\(.*\)\]/\1/p" | LC_ALL=C sort | paste -sd ' '
}

same "what the shared library exports" "$(defined --dyn-syms "$shared" GLOBAL)" "$functions"
same "what it exports weakly" "$(defined --dyn-syms "$shared" WEAK)" ""
same "its soname" "$(dynamic SONAME)" "lib$face.so.1"
same "what it needs" "$(dynamic NEEDED | sed 's/\.so\.[0-9]*//g')" \
    "libc libcrypto libssl libwebsockets"

same "what the archive defines" "$(defined --syms "$archive" GLOBAL)" "$functions"
[ "$face" = wsio ] || list=
same "what it defines weakly" "$(defined --syms "$archive" WEAK)" "$list"
[ "$face" = wsio ] || exit 0
same "where it defines that" \
    "$(readelf -W --syms "$archive" | awk '/^File:/ { file = $2 } $5 == "WEAK" { print file }' \
        | uniq | sed 's/.*(\(.*\))/\1/')" list.o
