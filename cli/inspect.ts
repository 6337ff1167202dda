import type { Source } from '../formats/cursor.js';
import { FormatError } from '../formats/format-error.js';
import { readMetadata, sourceSha256 } from '../formats/metadata.js';
import { jsonText, writeRefusal, writeSnapshot, type FileHead } from '../formats/neutral.js';
import { faultText, withStateFile } from './state-file.js';
import { STATE_EXIT, plainText, type Output, type StateExit, type StateOptions } from './state-output.js';
import { statePlace, type StatePlace } from './state-place.js';

export interface InspectOptions extends StateOptions {
  /** The URI of the directory that a local file is the `_metadata` of. */
  readonly pointer?: string;
}

/**
 * What is in a `_metadata` file. One line of JSON or one page for each file, in order, also for those that are
 * refused; 65 when one was, 1 when one is not there, 2 when one could not be read.
 */
export async function inspect(
  targets: readonly string[],
  options: InspectOptions,
  output: Output,
): Promise<StateExit> {
  const ends: StateExit[] = [];
  // All places first: a wrong option shows before anything is printed.
  for (const place of targets.map((target) => statePlace(target, options)))
    ends.push(await one(place, options, output));
  for (const end of [STATE_EXIT.refused, STATE_EXIT.unknown, STATE_EXIT.broken])
    if (ends.includes(end)) return end;
  return STATE_EXIT.done;
}

async function one(place: StatePlace, options: InspectOptions, output: Output): Promise<StateExit> {
  const json = options.json === true;
  const found = await withStateFile(place, { signal: output.signal }, (source) =>
    json ? printJson(place.pointer, source, output) : printPage(place, source, output),
  );
  if (found.is === 'present') return found.value;
  const code = found.is === 'absent' ? 'NotFound' : found.because.code;
  const message = found.is === 'absent' ? 'there is no such file' : faultText(found.because);
  if (json)
    output.write(
      `{"schema":1,"pointer":${jsonText(place.pointer)},"bytes":null,"sha256":null,` +
        `"error":{"code":"${code}","offset":0,"message":${jsonText(message)}}}`,
    );
  else output.note(`${plainText(place.pointer)}: ${plainText(message)}`);
  return found.is === 'absent' ? STATE_EXIT.broken : STATE_EXIT.unknown;
}

const headOf = (pointer: string, source: Source): FileHead => ({
  pointer,
  bytes: source.size,
  sha256: sourceSha256(source),
});

function printJson(pointer: string, source: Source, output: Output): StateExit {
  const head = headOf(pointer, source);
  let snapshot;
  try {
    snapshot = readMetadata(source, pointer, { hash: true });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    output.write(writeRefusal(head, error));
    return STATE_EXIT.refused;
  }
  if (output.put === undefined) {
    let line = '';
    writeSnapshot(head, snapshot, (piece) => (line += piece));
    output.write(line);
  } else {
    writeSnapshot(head, snapshot, (piece) => output.put?.(piece));
    output.write('');
  }
  return STATE_EXIT.done;
}

async function printPage(place: StatePlace, source: Source, output: Output): Promise<StateExit> {
  try {
    const snapshot = readMetadata(source, place.pointer);
    const { inspectPage } = await import('./inspect-page.js');
    for (const line of await inspectPage(place, snapshot, headOf(place.pointer, source), output))
      output.write(line);
    return STATE_EXIT.done;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    output.write(output.paint('bold', plainText(place.pointer)));
    output.write(`  ${output.paint('red', 'refused')} (${error.code}): ${plainText(error.message)}`);
    return STATE_EXIT.refused;
  }
}
