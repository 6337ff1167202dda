import type { Source } from '../formats/cursor.js';
import { FormatError } from '../formats/format-error.js';
import { readMetadata, sourceSha256 } from '../formats/metadata.js';
import { jsonText, writeRefusal, writeSnapshot, type FileHead } from '../formats/neutral.js';
import { faultText, withStateFile } from './state-file.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { plainText } from './plain-text.js';
import type { Terminal } from './terminal.js';
import { statePlace, type StateOptions, type StatePlace } from './state-place.js';

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
  terminal: Terminal,
): Promise<ExitCode> {
  const ends: ExitCode[] = [];
  // All places first: a wrong option shows before anything is printed.
  for (const place of targets.map((target) => statePlace(target, options)))
    ends.push(await one(place, options, terminal));
  for (const end of [EXIT.refused, EXIT.unknown, EXIT.no]) if (ends.includes(end)) return end;
  return EXIT.done;
}

async function one(place: StatePlace, options: InspectOptions, terminal: Terminal): Promise<ExitCode> {
  const json = options.json === true;
  const found = await withStateFile(place, { signal: terminal.signal }, (source) =>
    json ? printJson(place.pointer, source, terminal) : printPage(place, source, terminal),
  );
  if (found.is === 'present') return found.value;
  const code = found.is === 'absent' ? 'NotFound' : found.because.code;
  const message = found.is === 'absent' ? 'there is no such file' : faultText(found.because);
  if (json)
    terminal.write(
      `{"schema":1,"pointer":${jsonText(place.pointer)},"bytes":null,"sha256":null,` +
        `"error":{"code":"${code}","offset":0,"message":${jsonText(message)}}}`,
    );
  else terminal.note(`${plainText(place.pointer)}: ${plainText(message)}`);
  return found.is === 'absent' ? EXIT.no : EXIT.unknown;
}

const headOf = (pointer: string, source: Source): FileHead => ({
  pointer,
  bytes: source.size,
  sha256: sourceSha256(source),
});

function printJson(pointer: string, source: Source, terminal: Terminal): ExitCode {
  const head = headOf(pointer, source);
  let snapshot;
  try {
    snapshot = readMetadata(source, pointer, { hash: true });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    terminal.write(writeRefusal(head, error));
    return EXIT.refused;
  }
  writeSnapshot(head, snapshot, (piece) => terminal.put(piece));
  terminal.write('');
  return EXIT.done;
}

async function printPage(place: StatePlace, source: Source, terminal: Terminal): Promise<ExitCode> {
  try {
    const snapshot = readMetadata(source, place.pointer);
    const { inspectPage } = await import('./inspect-page.js');
    for (const line of await inspectPage(place, snapshot, headOf(place.pointer, source), terminal))
      terminal.write(line);
    return EXIT.done;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    terminal.write(terminal.paint('bold', plainText(place.pointer)));
    terminal.write(`  ${terminal.paint('red', 'refused')} (${error.code}): ${plainText(error.message)}`);
    return EXIT.refused;
  }
}
