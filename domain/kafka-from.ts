/** Where in Kafka a job starts that starts from nothing, as a person says it. */

export type KafkaFrom =
  | { readonly is: 'earliest' }
  | { readonly is: 'latest' }
  /** Epoch milliseconds. */
  | { readonly is: 'time'; readonly time: number }
  | { readonly is: 'offsets'; readonly offsets: readonly StartOffset[] };

export interface StartOffset {
  readonly topic: string;
  readonly partition: number;
  /** Decimal. */
  readonly offset: string;
}

export const KAFKA_FROM =
  "earliest, latest, a time such as 2026-11-23T08:00:00Z, or offsets such as 'events/0=12,events/1=7'";

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/;

/** One `topic/partition=offset`; null: it is written in another way. */
export function readStart(text: string): StartOffset | null {
  const [, topic, partition, offset] =
    /^([A-Za-z0-9._-]{1,249})\/(\d{1,9})=(\d{1,19})$/.exec(text.trim()) ?? [];
  return topic === undefined || partition === undefined || offset === undefined
    ? null
    : { topic, partition: Number(partition), offset };
}

export const sayStart = (o: StartOffset): string => `${o.topic}/${o.partition}=${o.offset}`;

/** Null: not one of {@link KAFKA_FROM}. A time needs its zone: a start an hour off loses an hour. */
export function parseKafkaFrom(text: unknown): KafkaFrom | null {
  if (typeof text !== 'string') return null;
  if (text === 'earliest' || text === 'latest') return { is: text };
  if (TIME.test(text)) {
    const time = Date.parse(text);
    return Number.isNaN(time) ? null : { is: 'time', time };
  }
  const offsets = text.split(',').map(readStart);
  const read = offsets.filter((o) => o !== null);
  const names = new Set(read.map((o) => `${o.topic}/${o.partition}`));
  return read.length < offsets.length || names.size < read.length ? null : { is: 'offsets', offsets: read };
}

/** A person's word, or a policy's, that a job is to start without state. */
export interface FromNothing {
  readonly by: string;
  readonly reason: string;
  /** {@link KAFKA_FROM} */
  readonly kafkaFrom: string;
}

/** A word that carries a name and a reason; null: there is none. Where it starts is checked when it is acted on. */
export function saidFromNothing(said: Partial<FromNothing> | null | undefined): FromNothing | null {
  const { by, reason, kafkaFrom } = said ?? {};
  if (typeof by !== 'string' || typeof reason !== 'string' || typeof kafkaFrom !== 'string') return null;
  return by.trim() === '' || reason.trim() === '' ? null : { by, reason, kafkaFrom };
}

/** What stands in place of a path when a run was started from nothing. */
export const NOTHING = 'nothing';

/** A restore point that a start from nothing gives up. */
export interface GivenUp {
  readonly path: string;
  readonly verdict: 'not read' | 'sound' | 'broken' | 'unknown';
  readonly because: string;
}

/** A start from nothing as it was done. */
export interface StartedFromNothing extends FromNothing {
  readonly gaveUp: readonly GivenUp[];
}

/** In words, one line each. */
export const sayStarted = ({ by, reason, kafkaFrom, gaveUp }: StartedFromNothing): readonly string[] => [
  `Started from nothing by ${by}: ${reason}. Kafka from ${kafkaFrom}.`,
  ...gaveUp.map((g) => `Given up: ${g.path} (${g.verdict}${g.because === '' ? '' : `: ${g.because}`})`),
];
