import { verifyState, type Verification } from '../activities/verify-state.js';
import { fault, type Fault } from '../domain/failure.js';
import { FormatError } from '../formats/format-error.js';
import { longToJson } from '../formats/long.js';
import { readMetadata } from '../formats/metadata.js';
import { unusableBecause } from '../formats/neutral.js';
import type { Snapshot } from '../formats/snapshot.js';
import { faultText, withStateFile } from './state-file.js';
import {
  STATE_EXIT,
  plainText,
  sizeText,
  type Output,
  type StateExit,
  type StateOptions,
} from './state-output.js';
import { statePlace } from './state-place.js';

export interface VerifyOptions extends StateOptions {
  /** Reads every byte of every file. */
  readonly read?: boolean;
}

const SHOWN = 20;
/** Milliseconds between two lines of progress. */
const PROGRESS = 3000;

/** Whether everything that a snapshot needs is there: 0 sound, 1 broken, 2 unknown. */
export async function verify(target: string, options: VerifyOptions, output: Output): Promise<StateExit> {
  const place = statePlace(target, options);
  const call = { signal: output.signal };
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
      output,
    );
  if (found.is === 'unknown')
    return report(place.pointer, null, nothing('unknown', found.because), options, output);
  if ('code' in found.value)
    return report(place.pointer, null, nothing('broken', found.value), options, output);
  const snapshot = found.value;
  let told = performance.now();
  const result = await verifyState({
    storage: await place.storage(),
    pointer: place.pointer,
    snapshot,
    signal: output.signal,
    read: options.read === true,
    onProgress: ({ done, total }) => {
      if (!output.screen || performance.now() - told < PROGRESS) return;
      told = performance.now();
      output.note(`${done} of ${total} directories and files looked at`);
    },
  });
  return report(place.pointer, snapshot, result, options, output);
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
  is,
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
  { is, ...rest }: Verification,
  options: VerifyOptions,
  output: Output,
): StateExit {
  if (options.json === true)
    output.write(
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
  else page(pointer, is, rest, options, output);
  return is === 'sound' ? STATE_EXIT.done : is === 'broken' ? STATE_EXIT.broken : STATE_EXIT.unknown;
}

function page(
  pointer: string,
  is: Verification['is'],
  { files, reasons, bytes, directories }: Omit<Verification, 'is'>,
  options: VerifyOptions,
  output: Output,
): void {
  const colour = is === 'sound' ? 'green' : is === 'broken' ? 'red' : 'yellow';
  output.write(`${output.paint(colour, is)}  ${plainText(pointer)}`);
  output.write(
    `  ${files.present} of ${files.total} files present, ${sizeText(bytes)}, in ${directories} directories` +
      (options.read === true ? ', all read' : ''),
  );
  if (files.missing + files.wrongLength + files.unknown > 0)
    output.write(
      `  ${files.missing} missing, ${files.wrongLength} of another length, ${files.unknown} not known`,
    );
  for (const reason of reasons.slice(0, SHOWN)) output.write(`  ${plainText(faultText(reason))}`);
  if (reasons.length > SHOWN) output.write(`  and ${reasons.length - SHOWN} more: --json names all`);
}
