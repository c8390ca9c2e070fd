#!/usr/bin/env node
import './require-node.js';

// Built code where the package is installed, the sources in a clone.
const built = new URL('../dist/cli/main.js', import.meta.url);
const isInstalled = import.meta.url.includes('/node_modules/');
const main = isInstalled ? await import(built) : await import('../cli/main.ts');
process.exitCode = await main.main(process.argv.slice(2));
