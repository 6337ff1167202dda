import { fileTable, type ReferencedFile, type Totals } from './files.js';
import type { FormatError } from './format-error.js';
import type { Long } from './long.js';
import { PackedFiles, type FileList } from './packed-files.js';
import type {
  ChannelHandle,
  CheckpointProperties,
  IncrementalHandle,
  KeyedHandle,
  KeyGroupsHandle,
  ListStateMeta,
  MasterState,
  MergedChannel,
  NamedHandle,
  OperatorState,
  OperatorStateHandle,
  Snapshot,
  StreamHandle,
  SubtaskState,
} from './snapshot.js';

/**
 * The neutral JSON form of a snapshot (schema 1): the same fields that Flink's own reader gives, so that the two can be
 * compared. It is written as text, in pieces of some ten kilobytes: a snapshot of half a million files is 200 MB of
 * it.
 */

/** Takes a piece of the text. */
export type Sink = (piece: string) => void;

/** What is known of a file before it is read. */
export interface FileHead {
  /** Directory the file is in, as given. */
  readonly pointer: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

const PIECE = 64 * 1024;
const ONCE = ',"relative":false,"references":1}';
const RELATIVE_ONCE = ',"relative":true,"references":1}';

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

const MORE_ESCAPES = /[\x7f-\x9f\u2028\u2029]/g;

/** A JSON string; control characters and unpaired surrogates are escapes. */
export function jsonText(value: string): string {
  if (PLAIN.test(value)) return `"${value}"`;
  return JSON.stringify(value).replace(
    MORE_ESCAPES,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const textOrNull = (value: string | null): string => (value === null ? 'null' : jsonText(value));
const num = (value: Long): string => (typeof value === 'number' ? String(value) : `"${value}"`);
const numOrNull = (value: Long | null): string => (value === null ? 'null' : num(value));
const list = <T>(values: readonly T[], one: (value: T) => string): string =>
  values.length === 0 ? '[]' : `[${values.map(one).join(',')}]`;

const head = ({ pointer, bytes, sha256 }: FileHead): string =>
  `"schema":1,"pointer":${jsonText(pointer)},"bytes":${bytes},"sha256":"${sha256}"`;

/** One line for a file that is refused. */
export const writeRefusal = (of: FileHead, error: Pick<FormatError, 'code' | 'offset' | 'message'>): string =>
  `{${head(of)},"error":{"code":${jsonText(error.code)},"offset":${error.offset},"message":${jsonText(error.message)}}}`;

/** One line for a file that was read. The snapshot must have been read with `hash`. */
export function writeSnapshot(of: FileHead, snapshot: Snapshot, sink: Sink): void {
  const start = `{${head(of)},"formatVersion":${snapshot.formatVersion},"trailingBytes":${snapshot.trailingBytes}`;
  const unusable = unusableBecause(snapshot);
  if (unusable !== undefined) {
    sink(`${start},"inspectError":{"code":"Unusable","message":${jsonText(unusable)}}}`);
    return;
  }
  sink(
    `${start},"checkpointId":${num(snapshot.checkpointId)},"properties":${propertiesJson(snapshot.properties)},`,
  );
  writeStates(snapshot, sink);
  sink('}');
}

/** What Flink loads without complaint, and cannot use: it fails as soon as the objects are looked into. */
export function unusableBecause(snapshot: Snapshot): string | undefined {
  if (snapshot.properties !== null && snapshot.properties.type === null)
    return 'the checkpoint properties have no snapshot type';
  for (const operator of snapshot.operators)
    for (const subtask of operator.subtasks)
      for (const channels of [subtask.inputChannels, subtask.resultSubpartitions])
        for (const handle of channels)
          if ('channels' in handle && handle.channels === null)
            return `the channel offsets of operator ${operator.id}, subtask ${subtask.index}, cannot be read`;
  return undefined;
}

/** Master states, operators, files and totals: the fields that a `_metadata` and an HA file have in common. */
export function writeStates(
  snapshot: Pick<Snapshot, 'masterStates' | 'operators' | 'directory'>,
  sink: Sink,
): void {
  const out = new Pieces(sink);
  out.add(`"masterStates":${list(snapshot.masterStates, masterStateJson)},"operators":[`);
  snapshot.operators.forEach((operator, i) => {
    out.add((i > 0 ? ',' : '') + operatorStart(operator));
    operator.subtasks.forEach((subtask, k) => {
      if (k > 0) out.add(',');
      writeSubtask(subtask, out);
    });
    out.add(']}');
  });
  out.add('],"files":[');
  const files = fileTable(snapshot);
  let separator = '';
  let last = '';
  let start = '';
  files.each(
    (directory, name, size, relative) => {
      if (directory !== last || start === '') {
        last = directory;
        start = `{"path":${jsonText(directory).slice(0, -1)}`;
      }
      const length = String(size);
      out.add(separator, start, PLAIN.test(name) ? name : jsonText(name).slice(1, -1), '","size":', length);
      out.add(',"minSize":', length, relative ? RELATIVE_ONCE : ONCE);
      separator = ',';
    },
    (file) => {
      out.add(separator, fileJson(file));
      separator = ',';
    },
  );
  out.add(`],"totals":${totalsJson(files.totals)}`);
  out.flush();
}

/** Text on its way to the sink, in pieces of some ten kilobytes. Many small texts are joined once, not one by one. */
class Pieces {
  private readonly sink: Sink;
  private texts: string[] = [];
  private length = 0;

  constructor(sink: Sink) {
    this.sink = sink;
  }

  add(...texts: readonly string[]): void {
    for (const text of texts) {
      this.texts.push(text);
      this.length += text.length;
    }
    if (this.length > PIECE) this.flush();
  }

  flush(): void {
    if (this.length > 0) this.sink(this.texts.join(''));
    this.texts = [];
    this.length = 0;
  }
}

const masterStateJson = (state: MasterState | null): string =>
  state === null
    ? 'null'
    : `{"name":${jsonText(state.name)},"version":${state.version},"size":${state.size},"sha256":${textOrNull(state.sha256)}}`;

export function propertiesJson(properties: CheckpointProperties | null): string {
  if (properties === null) return 'null';
  const { type, ...flags } = properties;
  const shown =
    type === null
      ? null
      : type.enum
        ? { class: type.class, name: type.name }
        : {
            class: type.class,
            name: type.name,
            savepoint: type.savepoint,
            formatType: type.formatType,
            postCheckpointAction: type.postCheckpointAction,
            sharingFilesStrategy: type.sharingFilesStrategy,
          };
  return JSON.stringify({ type: shown, ...flags });
}

const operatorStart = (of: OperatorState): string =>
  `{"id":"${of.id}","name":${textOrNull(of.name)},"uid":${textOrNull(of.uid)},"parallelism":${of.parallelism},` +
  `"maxParallelism":${of.maxParallelism},"fullyFinished":${of.fullyFinished},` +
  `"coordinatorState":${streamJson(of.coordinatorState)},"subtasks":[`;

function writeSubtask(of: SubtaskState, out: Pieces): void {
  out.add(
    `{"index":${of.index},"finished":${of.finished},"stateSize":${num(of.stateSize)},` +
      `"managedOperator":${list(of.managedOperator, operatorHandleJson)},"rawOperator":${list(of.rawOperator, operatorHandleJson)},` +
      '"managedKeyed":[',
  );
  writeKeyed(of.managedKeyed, out);
  out.add('],"rawKeyed":[');
  writeKeyed(of.rawKeyed, out);
  out.add(
    `],"inputChannels":${list(of.inputChannels, channelJson)},"resultSubpartitions":${list(of.resultSubpartitions, channelJson)}}`,
  );
}

/** Only incremental handles are long. */
function writeKeyed(handles: readonly KeyedHandle[], out: Pieces): void {
  handles.forEach((handle, i) => {
    if (i > 0) out.add(',');
    if (handle.kind !== 'incremental') {
      out.add(keyedJson(handle));
      return;
    }
    out.add(incrementalStart(handle), ',"shared":[');
    writeFiles(handle.shared, out);
    out.add('],"private":[');
    writeFiles(handle.private, out);
    out.add(']}');
  });
}

function writeFiles(files: FileList, out: Pieces): void {
  let separator = '{"name":"';
  if (files instanceof PackedFiles)
    // Packed entries need no escapes.
    files.each((name, path, size, relative) => {
      if (relative === null) out.add(separator, name, '","handle":{"kind":"file","path":"', path);
      else
        out.add(
          separator,
          name,
          '","handle":{"kind":"relativeFile","relativePath":"',
          relative,
          '","path":"',
          path,
        );
      out.add('","size":', String(size), '}}');
      separator = ',{"name":"';
    });
  else {
    let comma = '';
    for (const file of files) {
      out.add(comma, namedJson(file));
      comma = ',';
    }
  }
}

const incrementalStart = (of: IncrementalHandle): string =>
  `{"kind":"incremental","stateSize":${num(of.stateSize)},"checkpointId":${num(of.checkpointId)},` +
  `"backendId":${jsonText(of.backendId)},"firstKeyGroup":${of.firstKeyGroup},"keyGroups":${of.keyGroups},` +
  `"checkpointedSize":${numOrNull(of.checkpointedSize)},"stateHandleId":${textOrNull(of.stateHandleId)},"meta":${streamJson(of.meta)}`;

const stateJson = ({ name, mode, offsets }: ListStateMeta): string =>
  `{"name":${jsonText(name)},"mode":"${mode}","offsets":${list(offsets, num)}}`;

function operatorHandleJson(of: OperatorStateHandle): string {
  const rest = `"states":${list(of.states, stateJson)},"delegate":${streamJson(of.delegate)}}`;
  if (of.kind === 'operator') return `{"kind":"operator","stateSize":${num(of.stateSize)},${rest}`;
  return (
    `{"kind":"operatorFileMerging","stateSize":${num(of.stateSize)},"empty":${of.empty},` +
    `"taskOwnedDir":${jsonText(of.taskOwnedDir)},"sharedDir":${jsonText(of.sharedDir)},${rest}`
  );
}

function streamJson(of: StreamHandle | null): string {
  if (of === null) return 'null';
  switch (of.kind) {
    case 'inline':
      return `{"kind":"inline","name":${jsonText(of.name)},"size":${of.size},"sha256":${textOrNull(of.sha256)}}`;
    case 'file':
      return `{"kind":"file","path":${jsonText(of.path)},"size":${num(of.size)}}`;
    case 'relativeFile':
      return `{"kind":"relativeFile","relativePath":${jsonText(of.relativePath)},"path":${jsonText(of.path)},"size":${num(of.size)}}`;
    case 'segment':
      return (
        `{"kind":"segment","path":${jsonText(of.path)},"offset":${num(of.offset)},"size":${num(of.size)},` +
        `"scope":"${of.scope}","logicalFileId":${jsonText(of.logicalFileId)}}`
      );
    case 'emptySegment':
      return '{"kind":"emptySegment"}';
    case 'keyGroups':
    case 'savepointKeyGroups':
      return keyGroupsJson(of);
    default:
      return of satisfies never;
  }
}

const keyGroupsJson = (of: KeyGroupsHandle): string =>
  `{"kind":"${of.kind}","stateSize":${num(of.stateSize)},"firstKeyGroup":${of.firstKeyGroup},"keyGroups":${of.keyGroups},` +
  `"offsetsSha256":${textOrNull(of.offsetsSha256)},"stateHandleId":${textOrNull(of.stateHandleId)},"delegate":${streamJson(of.delegate)}}`;

const namedJson = ({ name, handle }: NamedHandle): string =>
  `{"name":${jsonText(name)},"handle":${streamJson(handle)}}`;

function filesJson(files: FileList): string {
  let text = '[';
  for (const file of files) text += (text.length > 1 ? ',' : '') + namedJson(file);
  return `${text}]`;
}

function keyedJson(of: KeyedHandle): string {
  const range = `"stateSize":${num(of.stateSize)},"firstKeyGroup":${of.firstKeyGroup},"keyGroups":${of.keyGroups}`;
  const id = `"stateHandleId":${textOrNull(of.stateHandleId)}`;
  switch (of.kind) {
    case 'keyGroups':
    case 'savepointKeyGroups':
      return keyGroupsJson(of);
    case 'incremental':
      return `${incrementalStart(of)},"shared":${filesJson(of.shared)},"private":${filesJson(of.private)}}`;
    case 'changelog':
      return (
        `{"kind":"changelog",${range},"checkpointId":${numOrNull(of.checkpointId)},` +
        `"materializationId":${numOrNull(of.materializationId)},"checkpointedSize":${numOrNull(of.checkpointedSize)},${id},` +
        `"materialized":${list(of.materialized, keyedJson)},"nonMaterialized":${list(of.nonMaterialized, keyedJson)}}`
      );
    case 'changelogStream':
      return (
        `{"kind":"changelogStream",${range},"checkpointedSize":${numOrNull(of.checkpointedSize)},` +
        `"storageIdentifier":${textOrNull(of.storageIdentifier)},${id},` +
        `"handles":${list(of.handles, ({ offset, handle }) => `{"offset":${num(offset)},"handle":${streamJson(handle)}}`)}}`
      );
    case 'changelogInMemory':
      return (
        `{"kind":"changelogInMemory",${range},"from":${num(of.from)},"to":${num(of.to)},${id},` +
        `"changes":${list(of.changes, ({ keyGroup, size, sha256 }) => `{"keyGroup":${keyGroup},"size":${size},"sha256":${textOrNull(sha256)}}`)}}`
      );
    default:
      return of satisfies never;
  }
}

function channelJson(of: ChannelHandle): string {
  switch (of.kind) {
    case 'inputChannel':
    case 'resultSubpartition':
      return (
        `{"kind":"${of.kind}","subtask":${of.subtask},` +
        (of.kind === 'inputChannel'
          ? `"gate":${of.gate},"channel":${of.channel}`
          : `"partition":${of.partition},"subpartition":${of.subpartition}`) +
        `,"stateSize":${num(of.stateSize)},"offsets":${list(of.offsets, num)},"delegate":${streamJson(of.delegate)}}`
      );
    case 'mergedInputChannels':
    case 'mergedResultSubpartitions': {
      const input = of.kind === 'mergedInputChannels';
      const channel = ({ first, second, stateSize, offsets }: MergedChannel): string =>
        `{"${input ? 'gate' : 'partition'}":${first},"${input ? 'channel' : 'subpartition'}":${second},` +
        `"stateSize":${num(stateSize)},"offsets":${list(offsets, num)}}`;
      return (
        `{"kind":"${of.kind}","subtask":${of.subtask},"stateSize":${num(of.stateSize)},` +
        `"channelOffsetsSize":${of.channelOffsetsSize},"channelOffsetsSha256":${textOrNull(of.channelOffsetsSha256)},` +
        `"channels":${of.channels === null ? 'null' : list(of.channels, channel)},"delegate":${streamJson(of.delegate)}}`
      );
    }
    default:
      return of satisfies never;
  }
}

const fileJson = (of: ReferencedFile): string =>
  `{"path":${jsonText(of.path)},"size":${numOrNull(of.size)}` +
  (of.conflictingSizes === null ? '' : `,"conflictingSizes":${list(of.conflictingSizes, num)}`) +
  (of.segments.length === 0
    ? ''
    : `,"segments":${list(of.segments, (pair) => `[${num(pair[0])},${num(pair[1])}]`)}`) +
  `,"minSize":${num(of.minSize)},"relative":${of.relative},"references":${of.references}}`;

const totalsJson = (of: Totals): string =>
  `{"operators":${of.operators},"subtasks":${of.subtasks},"stateSize":${num(of.stateSize)},` +
  `"streamHandles":${of.streamHandles},"inlineHandles":${of.inlineHandles},"inlineBytes":${of.inlineBytes},` +
  `"files":${of.files},"fileBytes":${num(of.fileBytes)}}`;
