/** The page of `inspect` for people. */
import { kafkaPositions } from '../formats/kafka-positions.js';
import { snapshotContents, type ReferencedFile } from '../formats/files.js';
import { writtenBy } from '../formats/flink-versions.js';
import { unusableBecause, type FileHead } from '../formats/neutral.js';
import type { CheckpointProperties, OperatorState, Snapshot } from '../formats/snapshot.js';
import { addLong, type Long } from '../formats/long.js';
import { stateReader } from '../activities/state-reader.js';
import { plainText, sizeText } from './plain-text.js';
import type { Terminal } from './terminal.js';
import type { StatePlace } from './state-place.js';

const DIRECTORIES = 20;
const POSITIONS = 50;

export async function inspectPage(
  place: StatePlace,
  snapshot: Snapshot,
  head: FileHead,
  terminal: Terminal,
): Promise<readonly string[]> {
  const { files, totals } = snapshotContents(snapshot);
  const bold = (text: string): string => terminal.paint('bold', text);
  const lines = [
    bold(plainText(place.pointer)),
    `  checkpoint ${snapshot.checkpointId}, ${kindOf(snapshot.properties)}`,
    `  format ${snapshot.formatVersion ?? '?'}, written by ${writtenBy(snapshot)}; ${head.bytes} bytes, sha256 ${head.sha256}`,
  ];
  if (snapshot.trailingBytes > 0)
    lines.push(
      `  ${terminal.paint('yellow', `${snapshot.trailingBytes} bytes behind the end`)}: something overwrote or copied the file`,
    );
  const unusable = unusableBecause(snapshot);
  if (unusable !== undefined)
    lines.push(`  ${terminal.paint('red', 'cannot be used')}: ${plainText(unusable)}`);
  lines.push(
    `  ${totals.operators} operators, ${totals.subtasks} subtasks, ${sizeText(totals.stateSize)} of state`,
    `  ${totals.files} files of ${sizeText(totals.fileBytes)}, ${totals.inlineHandles} states inline of ${sizeText(totals.inlineBytes)}`,
    '',
    bold('operators'),
    ...snapshot.operators.map(operatorLine),
    '',
    bold('files'),
    ...directoryLines(files),
    '',
    bold('Kafka positions'),
    ...(await positionLines(place, snapshot, terminal)),
  );
  return lines;
}

function kindOf(properties: CheckpointProperties | null): string {
  if (properties === null) return 'kind not recorded (before format 4)';
  const { type } = properties;
  if (type === null) return 'kind lost';
  const format = type.enum || type.formatType === null ? '' : ` (${type.formatType.toLowerCase()})`;
  return `${plainText(type.name ?? 'kind lost')}${format}`;
}

function operatorLine(of: OperatorState): string {
  const size = of.subtasks.reduce<Long>(
    (sum, { stateSize }) => addLong(sum, stateSize),
    of.coordinatorState?.size ?? 0,
  );
  const who = [of.name, of.uid === null ? null : `uid ${of.uid}`].filter((text) => text !== null).join(', ');
  const finished = of.fullyFinished
    ? ', finished'
    : of.subtasks.some((subtask) => subtask.finished)
      ? `, ${of.subtasks.filter((subtask) => subtask.finished).length} subtasks finished`
      : '';
  return `  ${of.id}  ${of.parallelism}/${of.maxParallelism}${finished}  ${sizeText(size)}${who === '' ? '' : `  ${plainText(who)}`}`;
}

function directoryLines(files: readonly ReferencedFile[]): readonly string[] {
  const directories = new Map<string, { count: number; bytes: Long; refused: number }>();
  for (const { path, minSize, foreign, unsafe } of files) {
    const name = path.slice(0, path.lastIndexOf('/'));
    const entry = directories.get(name) ?? { count: 0, bytes: 0, refused: 0 };
    entry.count++;
    entry.bytes = addLong(entry.bytes, minSize);
    if (foreign || unsafe !== null) entry.refused++;
    directories.set(name, entry);
  }
  if (directories.size === 0) return ['  none: all state is inline'];
  const lines = [...directories].slice(0, DIRECTORIES).map(([name, { count, bytes, refused }]) => {
    const odd = refused === 0 ? '' : '  on another storage, or not to be followed';
    return `  ${String(count).padStart(7)}  ${sizeText(bytes).padStart(10)}  ${plainText(name)}${odd}`;
  });
  const more = directories.size - DIRECTORIES;
  return more > 0 ? [...lines, `  and ${more} more directories`] : lines;
}

async function positionLines(
  place: StatePlace,
  snapshot: Snapshot,
  terminal: Terminal,
): Promise<readonly string[]> {
  try {
    const { positions, unrecognized } = await kafkaPositions(
      snapshot,
      stateReader(() => place.storage(), { signal: terminal.signal }),
    );
    const lines = positions
      .slice(0, POSITIONS)
      .map(
        ({ operatorId, topic, partition, next }) =>
          `  ${operatorId}  ${plainText(topic)}/${partition}  next ${next}`,
      );
    if (positions.length > POSITIONS)
      lines.push(`  and ${positions.length - POSITIONS} more: holdfast offsets`);
    if (positions.length === 0) lines.push('  none');
    for (const { operatorId } of unrecognized)
      lines.push(`  ${operatorId}  a source that is not a plain KafkaSource`);
    return lines;
  } catch (error) {
    if (terminal.signal.aborted) throw error;
    return [`  not read: ${plainText(error instanceof Error ? error.message : String(error))}`];
  }
}
