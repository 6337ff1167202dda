import { pino, type DestinationStream, type Logger as Pino } from 'pino';
import type { Logger as TemporalLogger, LogLevel, LogMetadata } from '@temporalio/common';
import type { Scrubber } from './scrub.js';

export type Log = Pino;

/** Field names whose values are never written, whoever passes them. */
const REDACTED = [
  'delegation',
  'delegationToken',
  'password',
  'token',
  'authorization',
  'apiKey',
  'secret',
  'sasl',
].flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);

/**
 * One JSON object a line.
 * @param scrub takes the configuration's secrets out of every line.
 * @param out Default: standard error, so that standard output stays for results.
 */
export function createLog(
  scrub: Scrubber,
  {
    level = 'info',
    out = process.stderr,
  }: { readonly level?: string; readonly out?: DestinationStream } = {},
): Log {
  return pino(
    {
      level,
      base: { service: 'holdfast', pid: process.pid },
      redact: REDACTED,
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    { write: (line) => out.write(scrub.text(line)) },
  );
}

const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** The workers of two queues have steps only, on purpose. */
const EXPECTED = ['No workflows registered, not polling for workflow tasks'];

/** The same log for the SDK: its lines, and those of workflows and steps, meet in one stream. */
export function temporalLogger(log: Log): TemporalLogger {
  const write = (level: LogLevel, message: string, meta: LogMetadata = {}): void => {
    if (EXPECTED.includes(message)) return;
    const { error, ...fields } = meta as LogMetadata & { readonly error?: unknown };
    log[LEVELS[level]]({ ...plain(fields), ...(error === undefined ? {} : { err: error }) }, message);
  };
  return {
    log: write,
    trace: (message, meta) => write('TRACE', message, meta),
    debug: (message, meta) => write('DEBUG', message, meta),
    info: (message, meta) => write('INFO', message, meta),
    warn: (message, meta) => write('WARN', message, meta),
    error: (message, meta) => write('ERROR', message, meta),
  };
}

/** The SDK's metadata holds big integers and symbols, which JSON cannot. */
const plain = (fields: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields).map(([key, value]: [string, unknown]) => [
      key,
      typeof value === 'bigint' ? value.toString() : value,
    ]),
  );
