/**
 * An entry of Flink's job result store (1.15 and later): `<job>_DIRTY.json` until the clean-up is done, then
 * `<job>.json`. A JSON object with `result` and `version`; the same in 1.20 and 2.2.
 */
import { FormatError } from './format-error.js';

export interface JobResult {
  /** The job id that it is of: 32 hex digits. */
  readonly run: string;
  /** How the run ended, as REST would show it; null: Flink itself did not know. */
  readonly state: 'FINISHED' | 'FAILED' | 'CANCELED' | null;
}

/** Flink writes its application status by name. */
const STATES: Readonly<Record<string, JobResult['state']>> = {
  SUCCEEDED: 'FINISHED',
  FAILED: 'FAILED',
  CANCELED: 'CANCELED',
  UNKNOWN: null,
};

/** @throws FormatError when it is anything else */
export function readJobResult(bytes: Uint8Array): JobResult {
  const { result, version } = objectIn(bytes, parse(bytes));
  if (version !== 1) throw wrong(bytes, 'UnknownVersion', 'version 1', said(version));
  const { id, 'application-status': status } = objectIn(bytes, result);
  if (typeof id !== 'string' || !/^[0-9a-f]{32}$/.test(id))
    throw wrong(bytes, 'BadValue', 'a job id of 32 hex digits', said(id));
  const state = typeof status === 'string' && Object.hasOwn(STATES, status) ? STATES[status] : undefined;
  if (state === undefined)
    throw wrong(bytes, 'BadValue', `one of ${Object.keys(STATES).join(', ')}`, said(status));
  return { run: id, state };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw wrong(bytes, 'BadValue', 'JSON', `${bytes.length} bytes that are none`);
  }
}

function objectIn(bytes: Uint8Array, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(bytes, 'MissingValue', 'a job result (an object with result and version)', said(value));
  return value as Readonly<Record<string, unknown>>;
}

const said = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, 60);

function wrong(
  bytes: Uint8Array,
  code: 'UnknownVersion' | 'BadValue' | 'MissingValue',
  expected: string,
  found: string,
): FormatError {
  const context = [...bytes.subarray(0, 16)].map((b) => b.toString(16).padStart(2, '0')).join(' ');
  return new FormatError({ code, offset: 0, expected, found, context });
}
