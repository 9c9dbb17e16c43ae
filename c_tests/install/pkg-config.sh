# pkg-config.sh COMPILER MODULE LIBRARY_DIR SOURCE: builds and runs a program with
# what pkg-config says about MODULE.
set -eu
compiler=$1
module=$2
library_dir=$3
source=$4
program=pkg-config-$module

PKG_CONFIG_PATH=$library_dir/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH
pkg-config --exists --print-errors "$module >= 1"
$compiler "$source" $(pkg-config --cflags --libs "$module") -o "$program"

if [ "$module" = "${module%_static}" ]; then
    LD_LIBRARY_PATH=$library_dir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    export LD_LIBRARY_PATH
fi
"./$program"
