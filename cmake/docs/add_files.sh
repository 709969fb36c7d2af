#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# add_files.sh SITE: the files that the documents link to and that are no pages of the site, at the same relative paths
# as on a code host: the examples and the picture of a report.  Doxygen leaves links to files it does not know alone.
set -euo pipefail
site=$(realpath "$1")
cd "$(dirname "$0")/../.."
mkdir -p "$site/examples/docs"
cp examples/*.cpp "$site/examples"
cp -r examples/own_project "$site/examples"
cp examples/docs/report.png "$site/examples/docs"
# A folder opens as a page.
cd "$site/examples/own_project"
rm -f index.html
list=$(for file in *; do printf '<p><a href="%s">%s</a></p>\n' "$file" "$file"; done)
printf '%s\n' "$list" >index.html
