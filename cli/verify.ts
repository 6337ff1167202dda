import { verifyState, type Verification } from '../activities/verify-state.js';
import { fault, type Fault } from '../domain/failure.js';
import { FormatError } from '../formats/format-error.js';
import { longToJson } from '../formats/long.js';
import { readMetadata } from '../formats/metadata.js';
import { unusableBecause } from '../formats/neutral.js';
import type { Snapshot } from '../formats/snapshot.js';
import { faultText, withStateFile } from './state-file.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { plainText, sizeText } from './plain-text.js';
import type { Terminal } from './terminal.js';
import { statePlace, type StateOptions } from './state-place.js';

export interface VerifyOptions extends StateOptions {
  /** Reads every byte of every file. */
  readonly read?: boolean;
}

const SHOWN = 20;
/** Milliseconds between two lines of progress. */
const PROGRESS = 3000;

/** Whether everything that a snapshot needs is there: 0 sound, 1 broken, 2 unknown. */
export async function verify(target: string, options: VerifyOptions, terminal: Terminal): Promise<ExitCode> {
  const place = statePlace(target, options);
  const call = { signal: terminal.signal };
  const found = await withStateFile(place, call, (source): Snapshot | Fault => {
    try {
      return judgeMetadata(readMetadata(source, place.pointer), place.pointer);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      return fault(
        'StateCorrupt',
        `the metadata is refused (${error.code}): ${error.message}`,
        place.pointer,
      );
    }
  });
  if (found.is === 'absent')
    return report(
      place.pointer,
      null,
      nothing('broken', fault('StateMissing', 'there is no metadata file', place.pointer)),
      options,
      terminal,
    );
  if (found.is === 'unknown')
    return report(place.pointer, null, nothing('unknown', found.because), options, terminal);
  if ('code' in found.value)
    return report(place.pointer, null, nothing('broken', found.value), options, terminal);
  const snapshot = found.value;
  let told = performance.now();
  const result = await verifyState({
    storage: await place.storage(),
    snapshot,
    signal: terminal.signal,
    depth: options.read === true ? 'read' : 'list',
    onProgress: ({ done, total }) => {
      if (!terminal.screen || performance.now() - told < PROGRESS) return;
      told = performance.now();
      terminal.note(`${done} of ${total} directories and files looked at`);
    },
  });
  return report(place.pointer, snapshot, result, options, terminal);
}

function judgeMetadata(snapshot: Snapshot, pointer: string): Snapshot | Fault {
  if (snapshot.trailingBytes > 0)
    return fault(
      'StateCorrupt',
      `expected the end of the metadata, found ${snapshot.trailingBytes} more bytes`,
      pointer,
    );
  const unusable = unusableBecause(snapshot);
  return unusable === undefined ? snapshot : fault('StateCorrupt', unusable, pointer);
}

const nothing = (is: 'broken' | 'unknown', because: Fault): Verification => ({
  verdict: is,
  reasons: [because],
  files: { total: 0, present: 0, missing: 0, wrongLength: 0, unknown: 0 },
  missing: [],
  wrongLength: [],
  bytes: 0,
  directories: 0,
});

function report(
  pointer: string,
  snapshot: Snapshot | null,
  { verdict: is, ...rest }: Verification,
  options: VerifyOptions,
  terminal: Terminal,
): ExitCode {
  if (options.json === true)
    terminal.write(
      JSON.stringify({
        schema: 1,
        pointer,
        verdict: is,
        formatVersion: snapshot?.formatVersion ?? null,
        checkpointId: snapshot === null ? null : longToJson(snapshot.checkpointId),
        read: options.read === true,
        ...rest,
      }),
    );
  else page(pointer, is, rest, options, terminal);
  return is === 'sound' ? EXIT.done : is === 'broken' ? EXIT.no : EXIT.unknown;
}

function page(
  pointer: string,
  is: Verification['verdict'],
  { files, reasons, bytes, directories }: Omit<Verification, 'verdict'>,
  options: VerifyOptions,
  terminal: Terminal,
): void {
  const colour = is === 'sound' ? 'green' : is === 'broken' ? 'red' : 'yellow';
  terminal.write(`${terminal.paint(colour, is)}  ${plainText(pointer)}`);
  terminal.write(
    `  ${files.present} of ${files.total} files present, ${sizeText(bytes)}, in ${directories} directories` +
      (options.read === true ? ', all read' : ''),
  );
  if (files.missing + files.wrongLength + files.unknown > 0)
    terminal.write(
      `  ${files.missing} missing, ${files.wrongLength} of another length, ${files.unknown} not known`,
    );
  for (const reason of reasons.slice(0, SHOWN)) terminal.write(`  ${plainText(faultText(reason))}`);
  if (reasons.length > SHOWN) terminal.write(`  and ${reasons.length - SHOWN} more: --json names all`);
}
