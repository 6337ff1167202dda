import type { Cursor } from './cursor.js';
import {
  FLAG_ENUM,
  FLAG_EXTERNALIZABLE,
  FLAG_SERIALIZABLE,
  fieldOf,
  objectOf,
  readJavaObject,
  type JavaClass,
  type JavaObject,
  type JavaValue,
} from './java-stream.js';
import type { CheckpointProperties, SnapshotType } from './snapshot.js';

const PROPERTIES = 'org.apache.flink.runtime.checkpoint.CheckpointProperties';
const CHECKPOINT_TYPE = 'org.apache.flink.runtime.checkpoint.CheckpointType';
const SAVEPOINT_TYPE = 'org.apache.flink.runtime.checkpoint.SavepointType';
const SHARING = 'org.apache.flink.runtime.checkpoint.SnapshotType$SharingFilesStrategy';
const POST_ACTION = 'org.apache.flink.runtime.checkpoint.SavepointType$PostCheckpointAction';
const FORMAT_TYPE = 'org.apache.flink.core.execution.SavepointFormatType';

const ENUMS: Readonly<Record<string, readonly string[]>> = {
  [SHARING]: ['FORWARD_BACKWARD', 'FORWARD', 'NO_SHARING'],
  [POST_ACTION]: ['NONE', 'SUSPEND', 'TERMINATE'],
  [FORMAT_TYPE]: ['CANONICAL', 'NATIVE'],
  'java.lang.Enum': [],
};

/**
 * Flink's classes, as far as Java compares them with a stream: serialVersionUID (since 1.15 the same in every version
 * for the two that do not declare one) and field types. A field that only the stream has is dropped, one that only
 * the class has keeps its default.
 */
const CLASSES: Readonly<Record<string, { readonly uid: bigint; readonly primitives: readonly string[] }>> = {
  [PROPERTIES]: {
    uid: 2n,
    primitives: [
      'discardCancelled',
      'discardFailed',
      'discardFinished',
      'discardSubsumed',
      'discardSuspended',
      'forced',
      'unclaimed',
    ],
  },
  [CHECKPOINT_TYPE]: { uid: -2963844630364414662n, primitives: [] },
  [SAVEPOINT_TYPE]: { uid: -6879297871714708296n, primitives: [] },
};
const REFERENCES: Readonly<Record<string, readonly string[]>> = {
  [PROPERTIES]: ['checkpointType'],
  [CHECKPOINT_TYPE]: ['name', 'sharingFilesStrategy'],
  [SAVEPOINT_TYPE]: ['formatType', 'name', 'postCheckpointAction'],
};

type Refuse = (expected: string, found: string) => never;

/** The trailer of formats 4 and later; null is legal. @throws FormatError where Java or Flink refuses the stream */
export function readProperties(cursor: Cursor): CheckpointProperties | null {
  const start = cursor.position;
  const refuse: Refuse = (expected, found) => {
    throw cursor.error('BadJavaStream', expected, found, start);
  };
  const value = readJavaObject(cursor, { checkClass: (found) => checkClass(found, refuse) });
  return propertiesOf(value, refuse, true);
}

/** What Java checks of a class descriptor before it reads an object. */
function checkClass(found: JavaClass, refuse: Refuse): void {
  const isEnum = (found.flags & FLAG_ENUM) !== 0;
  if (found.name in ENUMS) {
    if (!isEnum) refuse(`the enum ${found.name}`, 'a class');
    return;
  }
  const known = CLASSES[found.name];
  if (known === undefined) return;
  if (isEnum) refuse(`the class ${found.name}`, 'an enum');
  if ((found.flags & FLAG_EXTERNALIZABLE) !== 0)
    refuse(`the serializable ${found.name}`, 'an externalizable one');
  if ((found.flags & FLAG_SERIALIZABLE) !== 0 && found.uid !== known.uid)
    refuse(`serialVersionUID ${known.uid} of ${found.name}`, String(found.uid));
  for (const { name, type } of found.fields) {
    const reference = type === 'L' || type === '[';
    if (known.primitives.includes(name) && type !== 'Z') refuse(`a boolean ${name}`, `type ${type}`);
    if (REFERENCES[found.name]?.includes(name) === true && !reference)
      refuse(`an object ${name}`, `type ${type}`);
  }
}

/**
 * @param strict as Flink 2.3 reads its own class: without it, `unclaimed` is null where the writer had no such field,
 *   and the enum of Flink up to 1.14 is taken
 */
export function propertiesOf(
  value: JavaValue | undefined,
  refuse: Refuse,
  strict: boolean,
): CheckpointProperties | null {
  if (value === null || value === undefined) return null;
  const object = objectOf(value, PROPERTIES);
  if (object === undefined) return refuse('checkpoint properties', describe(value));
  const flag = (name: string): boolean => fieldOf(object, name) === true;
  return {
    type: snapshotType(fieldOf(object, 'checkpointType'), refuse, strict),
    forced: flag('forced'),
    unclaimed: strict || fieldOf(object, 'unclaimed') !== undefined ? flag('unclaimed') : null,
    discardSubsumed: flag('discardSubsumed'),
    discardFinished: flag('discardFinished'),
    discardCancelled: flag('discardCancelled'),
    discardFailed: flag('discardFailed'),
    discardSuspended: flag('discardSuspended'),
  };
}

function snapshotType(value: JavaValue | undefined, refuse: Refuse, strict: boolean): SnapshotType | null {
  if (value === null || value === undefined) return null;
  if (!strict && typeof value === 'object' && value.kind === 'enum' && value.class.name === CHECKPOINT_TYPE)
    return { class: 'CheckpointType', name: value.name, enum: true };
  const object = objectOf(value, CHECKPOINT_TYPE, SAVEPOINT_TYPE);
  if (object === undefined) return refuse('a snapshot type', describe(value));
  const name = text(object, 'name', refuse);
  if (object.class.name === CHECKPOINT_TYPE)
    return {
      class: 'CheckpointType',
      enum: false,
      name,
      savepoint: false,
      formatType: null,
      postCheckpointAction: null,
      sharingFilesStrategy: constant(object, 'sharingFilesStrategy', SHARING, refuse),
    };
  return {
    class: 'SavepointType',
    enum: false,
    name,
    savepoint: true,
    // Flink prints the text "null" for a lost one.
    formatType: constant(object, 'formatType', FORMAT_TYPE, refuse) ?? 'null',
    postCheckpointAction: constant(object, 'postCheckpointAction', POST_ACTION, refuse) ?? 'null',
    sharingFilesStrategy: 'NO_SHARING',
  };
}

function text(object: JavaObject, field: string, refuse: Refuse): string | null {
  const value = fieldOf(object, field);
  if (value === undefined || value === null || typeof value === 'string') return value ?? null;
  return refuse(`a text in ${field}`, describe(value));
}

function constant(object: JavaObject, field: string, of: string, refuse: Refuse): string | null {
  const value = fieldOf(object, field);
  if (value === undefined || value === null) return null;
  if (typeof value !== 'object' || value.kind !== 'enum' || value.class.name !== of)
    return refuse(`a constant of ${of}`, describe(value));
  if (ENUMS[of]?.includes(value.name) !== true) return refuse(`a constant of ${of}`, value.name);
  return value.name;
}

const describe = (value: JavaValue): string =>
  typeof value !== 'object' || value === null
    ? typeof value
    : value.kind === 'class'
      ? `the class ${value.name}`
      : `a ${value.class.name}`;
