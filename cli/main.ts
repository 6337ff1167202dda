#!/usr/bin/env node
/** The command `holdfast`: the only file of the CLI that ends the process. */
import { Command, CommanderError } from 'commander';
import { registerStateCommands } from './state-commands.js';
import { STATE_EXIT, type Output, type StateExit } from './state-output.js';

const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());

const output: Output = {
  write: (line) => void process.stdout.write(`${line}\n`),
  put: (piece) => void process.stdout.write(piece),
  note: (line) => void process.stderr.write(`${line}\n`),
  paint: (_as, text) => text,
  screen: process.stdout.isTTY,
  signal: stop.signal,
};

let code: StateExit = STATE_EXIT.done;
const program = new Command('holdfast').exitOverride();
registerStateCommands(
  program,
  async (action) => {
    code = await action();
  },
  output,
);
// A subcommand does not inherit it.
for (const command of program.commands) command.exitOverride();
try {
  await program.parseAsync(process.argv.slice(2), { from: 'user' });
} catch (error) {
  if (error instanceof CommanderError) code = error.exitCode === 0 ? STATE_EXIT.done : STATE_EXIT.usage;
  else if (error instanceof Error && (error.name === 'UsageError' || error.name === 'ConfigError')) {
    output.note(error.message);
    code = STATE_EXIT.usage;
  } else throw error;
}
process.stdout.write('', () => process.exit(code));
