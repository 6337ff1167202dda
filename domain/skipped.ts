/**
 * Did a restored run skip records that existed? (design, `confirmRestored`). A Kafka source whose position is out of
 * range goes on elsewhere without a word; the next checkpoint does not show it. What shows it is the log, and the
 * records that the source counted. Pure; its table is its test.
 */
import { fault, type Fault } from './failure.js';

/** One partition of a restored run. Offsets as decimal strings. */
export interface Continued {
  readonly topic: string;
  readonly partition: number;
  /** Where the run had to go on: the restored position. */
  readonly from: string;
  /** Its position in the newer checkpoint. */
  readonly reached: string;
  /** The log after that checkpoint: a record before `start` can no longer be read. */
  readonly log: { readonly start: string; readonly end: string };
  /** The log end before the submission, or as early as it was seen: beyond it lies another log. */
  readonly endBefore: string;
  /** Records from `from` on that were already gone before the submission. */
  readonly gone: string;
  /** Offsets without a record are normal here: a compacted topic, or transactions, whose ends take an offset each. */
  readonly sparse: boolean;
  /** The run had no state: it may have begun anywhere, whatever the log holds. Left out: it had. */
  readonly free?: boolean;
}

/**
 * What the sources counted, as one dump of Flink's metrics shows it: records read, and the position of each partition.
 * Flink dumps counters before gauges (`MetricDumpSerialization`): while records flow, the count lacks those that were
 * read in between. What is missing in one dump is therefore a bound; what is missing in two is missing.
 */
export interface SourceCount {
  /** Records that the tasks have read since the restore, decimal. */
  readonly read: string;
  readonly positions: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly next: string;
  }[];
}

/** Records that a run did not read although they existed. */
export interface SkippedRange {
  readonly topic: string;
  readonly partition: number;
  /** First offset that was not read, and the first after it that may have been. Decimal. */
  readonly from: string;
  readonly to: string;
  readonly atLeast: string;
  readonly atMost: string;
}

export interface Skipped {
  readonly ranges: readonly SkippedRange[];
  /** How the sum came out, one sentence; null: nothing was counted. */
  readonly sum: string | null;
  /** The sum is exact: another dump tells no more. */
  readonly exact: boolean;
}

/** Offsets that were passed and gave no record. */
interface Sum {
  readonly read: string;
  readonly missing: bigint;
  /** Else it is the most that may be missing. */
  readonly exact: boolean;
  /** It is no more than the count may lack: a hundredth of what was read between two dumps. */
  readonly blurred: boolean;
}

const least = (...of: readonly bigint[]): bigint => of.reduce((a, b) => (b < a ? b : a));
const most = (...of: readonly bigint[]): bigint => of.reduce((a, b) => (b > a ? b : a));

const keyOf = (p: { readonly topic: string; readonly partition: number }): string =>
  `${p.topic}/${p.partition}`;

/** A partition out of whose log records fell that the run was to read, with bounds. */
interface Suspect {
  readonly of: Continued;
  readonly least: bigint;
  readonly most: bigint;
}

/**
 * What was skipped. A position that the log still holds is proof enough: nobody jumps from there. Where the log start
 * has passed it, the records may have been read before they fell out; the counted sum tells, when there is one.
 * @param partitions every partition of the sources with a concrete position; a count of others cannot be compared.
 * @param counts of different dumps, in order.
 */
export function skippedRecords(partitions: readonly Continued[], counts: readonly SourceCount[]): Skipped {
  const sparse = partitions.some((p) => p.sparse);
  const sum = sumOf(partitions, counts);
  const suspects = partitions.flatMap((p) => suspectIn(p, sparse ? null : sum));
  const narrowed = sum === null || sparse ? suspects : narrow(suspects, sum);
  const ranges = narrowed
    .filter(({ most: n }) => n > 0n)
    .map(({ of, least: a, most: b }) => ({
      topic: of.topic,
      partition: of.partition,
      from: of.from,
      to: (BigInt(of.from) + b).toString(),
      atLeast: a.toString(),
      atMost: b.toString(),
    }));
  return {
    ranges,
    sum: sum === null ? null : saySum(sum, sparse),
    exact: sum !== null && (sum.exact || sparse),
  };
}

function suspectIn(p: Continued, sum: Sum | null): readonly Suspect[] {
  const [from, reached, start] = [BigInt(p.from), BigInt(p.reached), BigInt(p.log.start)];
  const anotherLog = from > BigInt(p.endBefore);
  if (anotherLog) {
    // What it read of the new log before `reached` is not known: it began at its start or at its end.
    const span = reached > start ? reached - start : 0n;
    return [{ of: { ...p, from: least(start, reached).toString() }, least: 0n, most: span }];
  }
  if (start <= from) {
    const elsewhere = p.free === true && sum !== null && !sum.blurred && reached > from;
    return elsewhere ? [{ of: p, least: 0n, most: least(reached - from, sum.missing) }] : [];
  }
  // Where it went on is not known: a source that is set to `latest` jumps further than the log start.
  const span = reached > from ? reached - from : start - from;
  return [{ of: p, least: least(BigInt(p.gone), span), most: span }];
}

/** What all counts say together; null when none of them can be compared. */
function sumOf(partitions: readonly Continued[], counts: readonly SourceCount[]): Sum | null {
  const found = counts.flatMap(({ read, positions }) => {
    const missing = missingIn(partitions, { read, positions });
    return missing === null ? [] : [{ read, missing }];
  });
  const [first, ...others] = found;
  if (first === undefined) return null;
  const best = others.reduce((a, b) => (b.missing < a.missing ? b : a), first);
  const exact = best.missing === 0n || found.filter((f) => f.missing === best.missing).length > 1;
  const reads = found.map((f) => BigInt(f.read));
  const blurred = !exact && best.missing * 100n <= most(...reads) - least(...reads);
  return { ...best, exact, blurred };
}

/** Offsets that were passed and not counted; null when the count cannot be compared. */
function missingIn(partitions: readonly Continued[], count: SourceCount): bigint | null {
  const at = new Map(count.positions.map((p) => [keyOf(p), BigInt(p.next)]));
  const known = new Set(partitions.map(keyOf));
  if (known.size < partitions.length || [...at.keys()].some((key) => !known.has(key))) return null;
  let passed = 0n;
  for (const p of partitions) {
    const next = at.get(keyOf(p));
    // A partition that has not delivered a record has no position yet, and nothing of it was counted.
    if (next === undefined) {
      if (BigInt(p.reached) > BigInt(p.from)) return null;
      continue;
    }
    if (next < BigInt(p.reached)) return null;
    passed += next - BigInt(p.from);
  }
  const missing = passed - BigInt(count.read);
  return missing < 0n ? null : missing;
}

/** Bounds that the sum of all gaps allows. A sum that contradicts what is certain says nothing. */
function narrow(suspects: readonly Suspect[], { missing, exact }: Sum): readonly Suspect[] {
  const all = suspects.reduce((n, s) => ({ least: n.least + s.least, most: n.most + s.most }), {
    least: 0n,
    most: 0n,
  });
  if (missing < all.least || (exact && missing > all.most)) return suspects;
  return suspects.map((s) => ({
    of: s.of,
    least: exact ? most(s.least, missing - (all.most - s.most)) : s.least,
    most: least(s.most, missing - (all.least - s.least)),
  }));
}

function saySum({ read, missing, exact }: Sum, sparse: boolean): string {
  const total = (BigInt(read) + missing).toString();
  const said = `${read} records were read for ${total} offsets`;
  if (missing === 0n) return `${said}: every one`;
  if (sparse)
    return `${said}: ${missing} of them gave none: compaction and the ends of transactions leave offsets without a record`;
  if (!exact) return `${said}, or up to ${missing} more: the count lags behind while records flow`;
  return `${said}: ${missing} of them gave none`;
}

/** A partition that had more records and was not read on, in words; null: there is none. */
export function standingStill(partitions: readonly Continued[]): string | null {
  for (const p of partitions) {
    const next = most(BigInt(p.from), BigInt(p.log.start));
    const more = BigInt(p.endBefore) - next;
    if (p.reached === p.from && more > 0n)
      return `${keyOf(p)} stands still at ${p.from} although the log had ${more} more records`;
  }
  return null;
}

/** In words, for people: one line per partition. */
export const sayRange = (r: SkippedRange): string =>
  r.atLeast === r.atMost
    ? `${r.topic}/${r.partition}: ${r.atMost} records from ${r.from} to ${r.to} were not read`
    : `${r.topic}/${r.partition}: at least ${r.atLeast} and at most ${r.atMost} records from ${r.from} to ${r.to} were not read`;

/** The fault of a run that goes on and has skipped records; null: it skipped none. */
export function gapIn(ranges: readonly SkippedRange[], where: string): Fault | null {
  if (ranges.length === 0) return null;
  const shown = ranges.slice(0, 5).map(sayRange).join('; ');
  const more = ranges.length > 5 ? `; and ${ranges.length - 5} more partitions` : '';
  return fault('OffsetsGone', `the run goes on with a gap: ${shown}${more}`, where);
}
