#!/usr/bin/env node
/** The command `holdfast`: the only file of the CLI that ends the process. Nothing heavy is loaded before it is needed. */
import { EXIT } from './exit-codes.js';
import { processTerminal } from './process-terminal.js';
import { run } from './program.js';

const stop = new AbortController();
let asked = 0;
const end = (): void => {
  asked++;
  if (asked > 1) process.exit(EXIT.interrupted);
  stop.abort();
};
process.on('SIGINT', end);
process.on('SIGTERM', end);
process.on('SIGHUP', end);
// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? EXIT.done : EXIT.internal),
);

const code = await run(process.argv.slice(2), processTerminal(stop.signal));
// Output to a pipe is written later: the process ends when it is.
process.stdout.write('', () => process.exit(code));
