/** What a NameNode says about itself (JMX) and about blocks (fsck). */
import type { BlockHealth } from './ports.js';
import { isRecord, parseJson } from './webhdfs-answers.js';

/** The bean `NameNodeStatus`: who is active. */
export interface NameNodeState {
  readonly state: 'active' | 'standby' | 'observer' | 'starting';
  readonly hostAndPort: string;
  /** Changes with each takeover; 0 without HA. */
  readonly lastTransition: number;
}

/** Null when the body is no JMX answer. Without the bean the NameNode is still loading its image. */
export function nameNodeStateIn(body: Buffer): NameNodeState | null {
  const bean = firstBean(body);
  if (bean === null) return null;
  if (bean === undefined) return { state: 'starting', hostAndPort: '', lastTransition: 0 };
  const { State, HostAndPort, LastHATransitionTime } = bean;
  if (typeof State !== 'string') return null;
  return {
    state: State === 'active' || State === 'standby' || State === 'observer' ? State : 'starting',
    hostAndPort: typeof HostAndPort === 'string' ? HostAndPort : '',
    lastTransition: typeof LastHATransitionTime === 'number' ? LastHATransitionTime : 0,
  };
}

/** One attribute of the first bean; undefined when it is not there. */
export function beanAttribute(body: Buffer, attribute: string): unknown {
  return firstBean(body)?.[attribute];
}

function firstBean(body: Buffer): Readonly<Record<string, unknown>> | null | undefined {
  const parsed = parseJson(body);
  if (!isRecord(parsed) || !Array.isArray(parsed.beans)) return null;
  const bean = (parsed.beans as readonly unknown[])[0];
  if (bean === undefined) return undefined;
  return isRecord(bean) ? bean : null;
}

export type FsckReport =
  | { readonly is: 'report'; readonly health: BlockHealth }
  | { readonly is: 'no-such-path' }
  | { readonly is: 'denied'; readonly message: string }
  | { readonly is: 'unusable'; readonly message: string };

/**
 * Reads the text of fsck. It counts only with its last line, which says how the whole path is: fsck streams, and a
 * cut report looks like a healthy one.
 */
export function fsckReportIn(text: string, path: string): FsckReport {
  const lines = text.split('\n').map((line) => line.trimEnd());
  const last = lines.findLast((line) => line !== '') ?? '';
  if (last === `Path '${path}' does not exist` || last === `Path '${path}' does not exist.`)
    return { is: 'no-such-path' };
  const verdict = /^The filesystem under path '.*' is (HEALTHY|CORRUPT)$/.exec(last)?.[1];
  if (!verdict) return failed(lines, last);
  const missing = new Set<string>();
  const corrupt = new Set<string>();
  for (const line of lines) {
    const lost = /^\.*(\/.*): MISSING \d+ blocks of total size \d+ B\.?$/.exec(line)?.[1];
    if (lost) missing.add(lost);
    const damaged = /^\.*(\/.*): CORRUPT (?:\d+ blocks of total size \d+ B\.?|blockpool \S+ block \S+)$/.exec(
      line,
    )?.[1];
    if (damaged) corrupt.add(damaged);
  }
  // fsck may call a file both; here each is named once, by what is worse.
  for (const each of missing) corrupt.delete(each);
  return {
    is: 'report',
    health: { healthy: verdict === 'HEALTHY', missingFiles: [...missing], corruptFiles: [...corrupt] },
  };
}

function failed(lines: readonly string[], last: string): FsckReport {
  const reason = lines.find((line) => /denied|not supported in state|Exception/.test(line))?.slice(0, 300);
  if (reason !== undefined && /denied/i.test(reason)) return { is: 'denied', message: reason };
  return {
    is: 'unusable',
    message: reason ?? (last === '' ? 'no report' : 'the report was cut before its last line'),
  };
}
