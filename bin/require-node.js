// Plain old JavaScript: it must run on any Node, to say in one line that it is too old.

var major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  console.error(
    'holdfast needs Node 24 or newer, this is ' +
      process.version +
      '. In a clone, run `npm ci` and use the npm scripts: they bring their own.',
  );
  process.exit(2);
}
