# headers.sh COMPILER INCLUDE_DIR…: every header compiles alone and twice, and
# wsio.h compiles beside an SDK's headers, whichever comes first.
set -eu
compiler=$1
shift
path=
for dir in "$@"; do
    path="$path -I $dir"
done
sdk=$(dirname "$0")/sdk

compile() { # flags… < source
    $compiler "$@" -fsyntax-only -
}

for header in wsio xio list xlogging logger websock; do
    printf '#include "%s.h"\n#include "%s.h"\n' $header $header | compile $path
done

# The SDK's folder first on the path; its headers first, or ours.
compile -I "$sdk" $path < "$sdk/before.c"
compile -I "$sdk" $path < "$sdk/after.c"
