#!/bin/sh
# What `booking docs --format html` shows the document with: from npm, checked by its hash, beside
# this file. It is not in the repository; wheels and images are built with it.
set -eu
package=@asyncapi/react-component@3.2.1
sha512=93966a25debea3161a436a3a177ac6589d4c4c88d7769b14601dcd2906d5aabe32ceb3743af8f973b799c7c346777c1f28f85b3ab2d112d625f4ad8e3df9d2b0
target=$(cd "$(dirname "$0")" && pwd)/viewer
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
tarball=$(npm pack --silent "$package")
echo "$sha512  $tarball" | sha512sum --check --quiet
tar -xzf "$tarball"
mkdir -p "$target"
cp package/browser/standalone/index.js "$target/viewer.js"
cp package/browser/standalone/index.js.LICENSE.txt "$target/viewer.js.LICENSE.txt"
cp package/styles/default.min.css "$target/viewer.css"
