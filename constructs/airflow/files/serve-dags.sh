# Serves a folder of files as a git repository, for a lab that has no git server. The same files are the same commit.
set -eu
work=/tmp/work
bare=/tmp/www/dags.git
# A container that starts again finds what the one before it made.
rm -rf "$work" "$bare"
mkdir -p "$work" /tmp/www
for file in /dags/*; do
  # A ConfigMap has no folders: -- stands for one.
  target=$work/$(basename "$file" | sed 's,--,/,g')
  mkdir -p "$(dirname "$target")"
  cp -L "$file" "$target"
done
export GIT_AUTHOR_NAME=lab GIT_AUTHOR_EMAIL=lab@localhost GIT_AUTHOR_DATE='2026-01-01T00:00:00Z'
export GIT_COMMITTER_NAME=lab GIT_COMMITTER_EMAIL=lab@localhost GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
git init --quiet --initial-branch=main "$work"
git -C "$work" add --all
git -C "$work" commit --quiet --message='Example DAGs'
git clone --quiet --bare "$work" "$bare"
# Git's protocol over plain files needs no program at the server's end.
git -C "$bare" update-server-info
exec python3 -m http.server 8080 --directory /tmp/www
