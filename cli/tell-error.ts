import type { ClientError } from '../client/errors.js';
import { ConfigError } from '../config/problems.js';
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.js';
import { StartError, UsageError, type Terminal } from './terminal.js';

/** Says what went wrong, in one place for all commands, and what the process ends with. */
export function tellError(error: unknown, terminal: Terminal, json: boolean): ExitCode {
  if (terminal.signal.aborted && !isClientError(error)) return EXIT.interrupted;
  const [code, exit] = classify(error);
  const message = error instanceof Error ? error.message : String(error);
  if (json) {
    const problems = error instanceof ConfigError ? { problems: error.problems } : {};
    terminal.write(JSON.stringify({ error: { code, message, ...problems } }));
  } else {
    terminal.note(message);
    if (exit === EXIT.internal && error instanceof Error && error.stack !== undefined)
      terminal.note(error.stack);
  }
  return exit;
}

function classify(error: unknown): readonly [string, ExitCode] {
  if (error instanceof UsageError) return ['Usage', EXIT.usage];
  if (error instanceof StartError) return ['CannotStart', EXIT.unavailable];
  if (error instanceof ConfigError) return ['ConfigInvalid', EXIT.config];
  if (isClientError(error)) return [error.code, exitCodeOf(error.code)];
  return ['Internal', EXIT.internal];
}

/** By name: the class lives beside the Temporal client, which commands without Temporal never load. */
const isClientError = (error: unknown): error is ClientError =>
  error instanceof Error && error.name === 'ClientError' && 'code' in error;
