# moved-prefix.sh CMAKE BUILD_DIR PREFIX: installs into another folder and moves
# the result to PREFIX. Nothing in it may know where it was.
set -eu
cmake=$1
build=$2
prefix=$3
first=$prefix.first

rm -rf "$prefix" "$first"
"$cmake" --install "$build" --prefix "$first" > /dev/null
mv "$first" "$prefix"

if grep -rl -e "$first" -e "$build" "$prefix" --include='*.cmake' --include='*.pc'; then
    echo "these name the folder they were installed or built in" >&2
    exit 1
fi
