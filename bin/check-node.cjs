// For programs that import the package. It must run on any Node, to say in one line that it is too old.

const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  const error = new Error(`holdfast needs Node 24 or newer, this is ${process.version}.`);
  // Where it was thrown helps nobody: one line is all that there is to say.
  error.stack = `Error: ${error.message}`;
  throw error;
}
