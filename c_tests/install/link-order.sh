# link-order.sh COMPILER AR LIBWSIO_A NEEDED_LIBRARIES INCLUDE_DIR…: a program that
# brings a list.h of its own keeps it, wherever that stands on the link line.
set -eu
compiler=$1
ar=$2
wsio=$3
needed=$4
shift 4
path=
for dir in "$@"; do
    path="$path -I$dir"
done
source=$(dirname "$0")
work=link-order
rm -rf $work
mkdir $work

for file in own_list uses_own_list; do
    $compiler -Wall -Wextra -Werror $path -c "$source/$file.c" -o $work/$file.o
done
"$ar" rcs $work/libown.a $work/own_list.o

try() { # name, link line…
    name=$1
    shift
    echo "$name"
    $compiler -o $work/program $work/uses_own_list.o "$@" $needed
    $work/program
}

try "list.o before libwsio.a" $work/own_list.o "$wsio"
try "list.o after libwsio.a" "$wsio" $work/own_list.o
try "archive with list.o before libwsio.a" $work/libown.a "$wsio"
try "archive with list.o after libwsio.a" "$wsio" $work/libown.a
try "all of libwsio.a, list.o after it" -Wl,--whole-archive "$wsio" -Wl,--no-whole-archive \
    $work/own_list.o
