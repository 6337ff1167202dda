/**
 * Checkpoint storage on HDFS, through WebHDFS. The only file that imports the client library; what that library gets
 * wrong (it reports refused renames as success, gives error pages out as content, never ends when nobody answers) is
 * avoided by sending each request through a throw-away client and judging the raw answer here.
 *
 * When a look says `absent`
 * - a NameNode said that the path does not exist (or that it lies below a file), and
 * - with several NameNodes, JMX of all of them shows that one as the only active one, and
 * - the same NameNode shows a *positive control*: the parent directory; or, where the parent is missing as well, the
 *   longest `allow` path above it, which the configuration promises to exist. Without the control the namespace is
 *   probably not the one that was configured: `unknown(ConfigInvalid)`.
 * That is one look. *Gone for good* takes two of them around a write ({@link Storage.proveUsable}).
 */
import { randomBytes, randomUUID } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';

import webhdfs from 'webhdfs';

import type { StorageConfig } from '../config/config.js';
import { type Fault, failure, fault, faultOf, HoldfastError } from '../domain/failure.js';
import { absent, present, type Reading, unknown } from '../domain/reading.js';
import { type Bounds, bounded, look } from './bounded-call.js';
import { connectionWords } from './connection-words.js';
import type { BlockHealth, Call, FileStatus, Storage, StorageProof } from './ports.js';
import { callRate } from './storage-call-rate.js';
import {
  allowedRoot,
  childPath,
  parentPath,
  parseStorageUri,
  storageRootOf,
  type StorageUri,
} from './storage-uri.js';
import { type TlsOptions, tlsOptions } from './tls-files.js';
import { failureCodeOf, type HdfsStatus, oneLine, type Refusal } from './webhdfs-answers.js';
import { hdfsFiles } from './webhdfs-files.js';
import { fsckReportIn } from './webhdfs-health.js';
import {
  type NameNode,
  nameNodes,
  type Outgoing,
  type Params,
  type Routed,
  type Sent,
  type Transport,
} from './webhdfs-namenodes.js';

export type WebHdfsConfig = Extract<StorageConfig, { readonly kind: 'webhdfs' }>;

/** Deadlines in milliseconds for calls that name none. */
export const WEBHDFS_DEADLINES = {
  stat: 10_000,
  list: 60_000,
  read: 60_000,
  blocks: 60_000,
  proveUsable: 20_000,
  setAside: 20_000,
} as const;

/** Bytes of one OPEN: what is in memory besides the result. */
const RANGE = 8 * 1024 * 1024;
const PROBE_BYTES = 64;
/** Probe files whose deletion was not confirmed and is tried again with the next proof. */
const LEFTOVERS = 64;

interface Dependencies {
  /** `limits.nameNodeCalls`: calls a second to the NameNodes of this storage, JMX and fsck included. Default 200. */
  readonly nameNodeCalls?: number;
}

/**
 * @param name the storage's name in the configuration, for messages
 * @throws ConfigInvalid when a base URL or a TLS file cannot be used
 */
export function webhdfsStorage(
  name: string,
  config: WebHdfsConfig,
  deps: Dependencies = {},
): Storage & { close(): Promise<void> } {
  const rate = callRate(deps.nameNodeCalls ?? 200);
  const transport = clientTransport(config);
  const names = nameNodes(config.webhdfs, config.redirectHosts, transport, rate);
  const files = hdfsFiles(names, transport);
  const authorities = new Set(
    [...(config.nameservice === null ? [] : [config.nameservice]), ...config.authorities].map(
      canonicalAuthority,
    ),
  );
  const leftovers = new Set<string>();

  const late = (what: string) => ({
    late: (ms: number) => fault('StorageUnavailable', `storage ${name} did not answer within ${ms} ms`, what),
  });

  function place(uri: string): (StorageUri & { readonly allowed: string }) | Fault {
    const parsed = parseStorageUri(uri);
    if ('code' in parsed) return parsed;
    if (!isOwn(parsed))
      return fault('StateForeign', `storage ${name} does not serve ${parsed.root}; nothing was sent`, uri);
    const allowed = allowedRoot(parsed.path, config.allow);
    if (allowed === null)
      return fault(
        'StateForeign',
        `expected a path below ${config.allow.join(' or ')} (storage ${name}, allow); nothing was sent`,
        uri,
      );
    return { ...parsed, allowed };
  }

  const isOwn = (uri: Pick<StorageUri, 'scheme' | 'authority'>): boolean =>
    uri.scheme === 'hdfs' && authorities.has(canonicalAuthority(uri.authority));

  function lookAt<T>(
    uri: string,
    call: Call,
    deadline: number,
    work: (at: StorageUri & { readonly allowed: string }, bounds: Bounds) => Promise<Reading<T>>,
  ): Promise<Reading<T>> {
    const limits = { deadline, ...late(uri) };
    return look(
      call,
      limits,
      async (bounds) => {
        const at = place(uri);
        return 'code' in at ? unknown(at) : work(at, bounds);
      },
      faultOf,
    );
  }

  /** What a refused look means: absent after the controls, else unknown with the reason. */
  async function negative(
    at: StorageUri & { readonly allowed: string },
    answer: Extract<Routed<unknown>, { is: 'refused' }>,
    bounds: Bounds,
  ): Promise<Reading<never>> {
    const { kind } = answer.refusal;
    if (kind !== 'not-found' && kind !== 'not-a-directory' && kind !== 'not-a-file')
      return unknown(faultAbout(answer.refusal, answer.tried, at));
    return confirmAbsent(at, answer.node, kind !== 'not-found', bounds);
  }

  async function confirmAbsent(
    at: StorageUri & { readonly allowed: string },
    node: NameNode,
    parentSeen: boolean,
    bounds: Bounds,
  ): Promise<Reading<never>> {
    const notLeading = await notTheLeader(node, bounds);
    if (notLeading) return unknown(notLeading);
    if (parentSeen) return absent;
    for (const control of controlsOf(at)) {
      const seen = await files.stat(node, control, bounds.left(), bounds);
      if (seen.is === 'done') return absent;
      if (seen.refusal.kind === 'not-a-directory') return absent;
      if (seen.refusal.kind !== 'not-found')
        return unknown(faultAbout(seen.refusal, seen.refusal.message, at));
    }
    return unknown(
      fault(
        'ConfigInvalid',
        `${node.label} has neither the path nor ${at.allowed}, which must exist there (storage ${name}, allow): not the configured namespace`,
        at.root + at.path,
      ),
    );
  }

  async function notTheLeader(node: NameNode, bounds: Bounds): Promise<Fault | null> {
    if (names.count === 1) return null;
    const leadership = await names.leadership(bounds);
    if (leadership.is === 'not-one') return leadership.because;
    if (leadership.node === node) return null;
    return fault(
      'StorageStandby',
      `${node.label} answered, but ${leadership.node.label} is the active NameNode: a failover is in progress or ${node.label} is stale`,
    );
  }

  const faultAbout = (refusal: Refusal, tried: string, at: StorageUri): Fault =>
    fault(failureCodeOf(refusal.kind), tried.slice(0, 600), at.root + at.path);

  const statusAt = (root: string, path: string, status: HdfsStatus): FileStatus => ({
    path: root + path,
    kind: status.kind,
    length: status.length,
    modified: status.modified,
  });

  async function readRange(
    at: StorageUri & { readonly allowed: string },
    range: { readonly offset: number; readonly length: number },
    bounds: Bounds,
  ): Promise<Reading<Uint8Array>> {
    const parts: Buffer[] = [];
    let got = 0;
    do {
      const offset = range.offset + got;
      const length = Math.min(RANGE, range.length - got);
      const answer = await names.ask(bounds, (node, timeout) =>
        files.range(node, at.path, offset, length, timeout, bounds),
      );
      if (answer.is === 'refused') {
        if (answer.refusal.kind === 'beyond-end') break;
        return negative(at, answer, bounds);
      }
      parts.push(answer.value);
      got += answer.value.length;
      if (answer.value.length < length) break;
    } while (got < range.length);
    if (got === range.length) return present(new Uint8Array(Buffer.concat(parts, got)));
    return shorterThanAsked(at, range, Buffer.concat(parts, got), bounds);
  }

  /** A DataNode's word on where the file ends is checked against the NameNode's. */
  async function shorterThanAsked(
    at: StorageUri & { readonly allowed: string },
    range: { readonly offset: number; readonly length: number },
    bytes: Buffer,
    bounds: Bounds,
  ): Promise<Reading<Uint8Array>> {
    const answer = await names.ask(bounds, (node, timeout) => files.stat(node, at.path, timeout, bounds));
    if (answer.is === 'refused') return negative(at, answer, bounds);
    const has = Math.max(0, Math.min(range.length, answer.value.length - range.offset));
    if (bytes.length === has) return present(new Uint8Array(bytes));
    return unknown(
      fault(
        'BlocksMissing',
        `expected ${has} bytes at offset ${range.offset} of a file of ${answer.value.length}, received ${bytes.length}`,
        at.root + at.path,
      ),
    );
  }

  async function listAll(
    at: StorageUri & { readonly allowed: string },
    take: (page: readonly FileStatus[]) => void,
    bounds: Bounds,
  ): Promise<Reading<{ readonly entries: number }>> {
    const prefix = at.root + (at.path === '/' ? '/' : `${at.path}/`);
    let after: string | null = null;
    let entries = 0;
    let pinned: NameNode | undefined;
    let moved = false;
    for (;;) {
      const from: string | null = after;
      const answer: Awaited<ReturnType<typeof nextPage>> = await nextPage(from, pinned);
      if (answer.is === 'refused') return negative(at, answer, bounds);
      const { entries: page, remaining } = answer.value;
      moved ||= pinned !== undefined && pinned !== answer.node;
      pinned = answer.node;
      // HDFS lists a file as one entry without a name.
      if (from === null && page.length === 1 && page[0]?.name === '' && page[0].kind === 'file')
        return confirmAbsent(at, answer.node, true, bounds);
      const disorder = firstOutOfOrder(from, page);
      if (disorder !== null || (page.length === 0 && remaining > 0))
        return unknown(
          fault(
            'StorageUnavailable',
            `${answer.node.label} lists out of order at ${JSON.stringify(disorder)}`,
            at.root + at.path,
          ),
        );
      if (page.length > 0)
        take(
          page.map(({ name, kind, length, modified }) => ({ path: prefix + name, kind, length, modified })),
        );
      entries += page.length;
      if (remaining === 0) break;
      after = page.at(-1)?.name ?? null;
    }
    // Pages of two NameNodes make one listing only if the last one is the leader: its namespace holds every edit.
    const doubt = moved && pinned ? await notTheLeader(pinned, bounds) : null;
    return doubt ? unknown(doubt) : present({ entries });

    function nextPage(from: string | null, first: NameNode | undefined) {
      return names.ask(bounds, (node, timeout) => files.page(node, at.path, from, timeout, bounds), first);
    }
  }

  async function fsck(
    at: StorageUri & { readonly allowed: string },
    bounds: Bounds,
  ): Promise<Reading<BlockHealth>> {
    const leadership = await names.leadership(bounds, { fresh: true });
    if (leadership.is === 'not-one') return unknown(leadership.because);
    const { node } = leadership;
    // Until the blocks are reported, fsck calls every file of a starting NameNode lost.
    const unsafe = await safeMode(node, bounds);
    if (unsafe) return unknown(unsafe);
    const report = await names.servlet(node, '/fsck', { path: at.path }, bounds.left(), bounds);
    if (report.is === 'refused')
      return unknown(faultAbout(report.refusal, `${node.label}: ${report.refusal.message}`, at));
    const found = fsckReportIn(report.value.toString('utf8'), at.path);
    switch (found.is) {
      case 'report': {
        const uris = (paths: readonly string[]) => paths.map((path) => at.root + path);
        return present({
          healthy: found.health.healthy,
          missingFiles: uris(found.health.missingFiles),
          corruptFiles: uris(found.health.corruptFiles),
        });
      }
      case 'no-such-path':
        return confirmAbsent(at, node, false, bounds);
      case 'denied':
        return withoutFsck(node, found.message, at, bounds);
      case 'unusable':
        return unknown(
          fault('StorageUnavailable', `fsck on ${node.label}: ${found.message}`, at.root + at.path),
        );
    }
  }

  /** Who may not run fsck can still see that nothing at all is missing on this NameNode. */
  async function withoutFsck(
    node: NameNode,
    denied: string,
    at: StorageUri,
    bounds: Bounds,
  ): Promise<Reading<BlockHealth>> {
    const bean = 'Hadoop:service=NameNode,name=FSNamesystem';
    const counts = await Promise.all([
      names.attribute(node, bean, 'MissingBlocks', bounds),
      names.attribute(node, bean, 'CorruptBlocks', bounds),
    ]);
    if (counts.every((count) => count === 0))
      return present({ healthy: true, missingFiles: [], corruptFiles: [] });
    return unknown(fault('AccessDenied', `fsck on ${node.label}: ${denied}`, at.root + at.path));
  }

  async function safeMode(node: NameNode, bounds: Bounds): Promise<Fault | null> {
    const text = await names.attribute(node, 'Hadoop:service=NameNode,name=NameNodeInfo', 'Safemode', bounds);
    if (text === '') return null;
    if (typeof text !== 'string')
      return fault('StorageUnavailable', `${node.label} does not say whether it is in safe mode`);
    return fault('StorageSafeMode', `${node.label}: ${oneLine(text)}`);
  }

  async function identityOf(node: NameNode, transition: number, bounds: Bounds): Promise<string> {
    const info = 'Hadoop:service=NameNode,name=NameNodeInfo';
    const [cluster, started] = await Promise.all([
      names.attribute(node, info, 'ClusterId', bounds),
      names.attribute(node, 'java.lang:type=Runtime', 'StartTime', bounds),
    ]);
    if (typeof cluster !== 'string' || typeof started !== 'number')
      throw failure(
        'StorageUnavailable',
        `${node.label} does not say by JMX which cluster it serves and since when`,
      );
    return `${cluster}/${node.label}/${started}/${transition}`;
  }

  async function provenUsable(bounds: Bounds): Promise<StorageProof> {
    const before = await names.leadership(bounds, { fresh: true });
    if (before.is === 'not-one') throw new HoldfastError(before.because);
    const { node } = before;
    const unsafe = await safeMode(node, bounds);
    if (unsafe) throw new HoldfastError(unsafe);
    const identity = await identityOf(node, before.state.lastTransition, bounds);
    await writeProbe(node, bounds);
    const after = await names.leadership(bounds, { fresh: true });
    if (after.is === 'not-one') throw new HoldfastError(after.because);
    if (after.node !== node || after.state.lastTransition !== before.state.lastTransition)
      throw failure(
        'StorageStandby',
        `the active NameNode changed from ${node.label} to ${after.node.label} during the proof`,
      );
    return { identity, endpoint: node.label };
  }

  /** A file of random bytes, written through a DataNode, read back and deleted. Nothing else is ever deleted. */
  async function writeProbe(node: NameNode, bounds: Bounds): Promise<void> {
    const path = childPath(config.scratch, `probe-${randomUUID()}`);
    try {
      await writeAndReadBack(node, path, bounds);
    } finally {
      // Only now: until its proof has ended, no proof beside it may sweep the file away.
      const [oldest] = leftovers;
      if (leftovers.size >= LEFTOVERS && oldest !== undefined) leftovers.delete(oldest);
      leftovers.add(path);
      if (!bounds.signal.aborted) await sweep(node, bounds);
    }
  }

  async function writeAndReadBack(node: NameNode, path: string, bounds: Bounds): Promise<void> {
    const bytes = randomBytes(PROBE_BYTES);
    const written = await files.create(node, path, bytes, bounds.left() * 0.6, bounds);
    if (written.is === 'refused')
      throw failure(
        probeCode(written.refusal),
        `the probe file was not written: ${written.refusal.message}`,
        path,
      );
    const back = await files.range(node, path, 0, PROBE_BYTES, Math.max(1, bounds.left() * 0.6), bounds);
    if (back.is === 'refused')
      throw failure(
        probeCode(back.refusal),
        `the probe file was not read back: ${back.refusal.message}`,
        path,
      );
    if (!back.value.equals(bytes))
      throw failure(
        'StorageNotWritable',
        `the probe file came back with other bytes (${back.value.length} of ${PROBE_BYTES})`,
        path,
      );
  }

  /** Deletes own probe files. One that cannot be deleted now is tried again with the next proof. */
  async function sweep(node: NameNode, bounds: Bounds): Promise<void> {
    for (const path of [...leftovers]) {
      const removed = await files.remove(node, path, Math.max(1, bounds.left() / 2), bounds);
      if (removed.is === 'refused' && removed.refusal.kind !== 'not-found') return;
      leftovers.delete(path);
    }
  }

  async function renameAside(from: StorageUri, to: StorageUri, bounds: Bounds): Promise<void> {
    const where = from.root + from.path;
    const source = await names.ask(bounds, (node, timeout) => files.stat(node, from.path, timeout, bounds));
    if (source.is === 'refused')
      throw failure(
        source.refusal.kind === 'not-found' ? 'StateMissing' : failureCodeOf(source.refusal.kind),
        `nothing was renamed: ${source.tried}`,
        where,
      );
    if (source.value.kind !== 'file')
      throw failure('ConfigInvalid', 'expected a file to rename, found a directory', where);
    const { node } = source;
    const notLeading = await notTheLeader(node, bounds);
    if (notLeading) throw new HoldfastError(notLeading);
    const target = await files.stat(node, to.path, bounds.left() / 3, bounds);
    if (target.is === 'done')
      throw failure('Unclassified', `nothing was renamed: the destination ${to.path} exists already`, where);
    if (target.refusal.kind !== 'not-found')
      throw failure(
        failureCodeOf(target.refusal.kind),
        `nothing was renamed: ${target.refusal.message}`,
        where,
      );
    // Sent once, to the active NameNode; whatever the answer, only the two looks after it count.
    const asked = await files.rename(node, from.path, to.path, bounds.left() / 2, bounds);
    const moved = await names.ask(bounds, (each, timeout) => files.stat(each, to.path, timeout, bounds));
    const left = await names.ask(bounds, (each, timeout) => files.stat(each, from.path, timeout, bounds));
    const isThere = moved.is === 'done' && isSameFile(moved.value, source.value);
    const isGone = left.is === 'refused' && left.refusal.kind === 'not-found';
    if (isThere && isGone) return;
    const told = asked.is === 'refused' ? asked.refusal : null;
    throw failure(
      told ? failureCodeOf(told.kind) : 'StorageUnavailable',
      `the rename to ${to.path} is not confirmed${told ? ` (${told.message})` : ''}: destination ${isThere ? 'there' : 'not there'}, source ${isGone ? 'gone' : 'not seen gone'}; look before repeating it`,
      where,
    );
  }

  return {
    owns(uri) {
      const root = storageRootOf(uri);
      return root !== null && isOwn(root);
    },

    proveUsable: (call) =>
      bounded(call, { deadline: WEBHDFS_DEADLINES.proveUsable, ...late(config.scratch) }, provenUsable),

    stat: (uri, call) =>
      lookAt(uri, call, WEBHDFS_DEADLINES.stat, async (at, bounds) => {
        const answer = await names.ask(bounds, (node, timeout) => files.stat(node, at.path, timeout, bounds));
        if (answer.is === 'refused') return negative(at, answer, bounds);
        return present(statusAt(at.root, at.path, answer.value));
      }),

    list: (uri, take, call) =>
      lookAt(uri, call, WEBHDFS_DEADLINES.list, (at, bounds) => listAll(at, take, bounds)),

    read(uri, range, call) {
      if (
        !Number.isSafeInteger(range.offset) ||
        range.offset < 0 ||
        !Number.isSafeInteger(range.length) ||
        range.length < 0
      )
        return Promise.resolve(
          unknown(fault('ConfigInvalid', 'expected a range of whole, positive numbers', uri)),
        );
      return lookAt(uri, call, WEBHDFS_DEADLINES.read, (at, bounds) => readRange(at, range, bounds));
    },

    blocks: (uri, call) => lookAt(uri, call, WEBHDFS_DEADLINES.blocks, fsck),

    async setAside(uri, to, call) {
      const [from, target] = [place(uri), place(to)];
      for (const each of [from, target]) if ('code' in each) throw new HoldfastError(each);
      if ('code' in from || 'code' in target) return;
      if (
        parentPath(from.path) !== parentPath(target.path) ||
        from.root !== target.root ||
        from.path === target.path
      )
        throw failure(
          'StateForeign',
          `expected another name in the same directory, found ${to}; nothing was sent`,
          uri,
        );
      await bounded(call, { deadline: WEBHDFS_DEADLINES.setAside, ...late(uri) }, (bounds) =>
        renameAside(from, target, bounds),
      );
    },

    // Nothing is shared between calls: each request has its own agent, destroyed at its end.
    close: () => Promise.resolve(),
  };
}

/** The parent; then the allowed path, when it is another one. */
function controlsOf(at: StorageUri & { readonly allowed: string }): readonly string[] {
  if (at.path === at.allowed) return [];
  const parent = parentPath(at.path) ?? '/';
  return parent === at.allowed ? [parent] : [parent, at.allowed];
}

/** Names must rise: a server that repeats a page would be listed for ever. Returns the first that does not. */
function firstOutOfOrder(after: string | null, page: readonly HdfsStatus[]): string | null {
  let last = after;
  for (const { name } of page) {
    const isName = name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name);
    if (!isName || (last !== null && !isBefore(last, name))) return name;
    last = name;
  }
  return null;
}

const SURROGATE = /[\ud800-\udfff]/;

/** HDFS orders names by their UTF-8 bytes, which is the order of JavaScript's strings but for surrogates. */
const isBefore = (a: string, b: string): boolean =>
  SURROGATE.test(a) || SURROGATE.test(b) ? Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0 : a < b;

function probeCode(refusal: Refusal): Fault['code'] {
  switch (refusal.kind) {
    case 'blocks':
    case 'remote':
    case 'io':
    case 'unavailable':
    case 'not-found':
    case 'exists':
    case 'beyond-end':
      return 'StorageNotWritable';
    default:
      return failureCodeOf(refusal.kind);
  }
}

const isSameFile = (a: HdfsStatus, b: HdfsStatus): boolean =>
  a.kind === 'file' &&
  a.length === b.length &&
  (a.fileId === b.fileId || a.fileId === null || b.fileId === null);

/** `host` and `host:8020` are the same NameNode: 8020 is the RPC port that HDFS assumes. */
const canonicalAuthority = (authority: string): string => authority.toLowerCase().replace(/:8020$/, '');

/** Sends through `webhdfs`, one client and one agent a request. */
function clientTransport(config: WebHdfsConfig): Transport {
  const tls = tlsOptions(config.tls);
  // A token says who calls; a user name beside it would be taken as the one to impersonate.
  const user = config.delegationToken === undefined ? config.user : null;
  const token = config.delegationToken?.reveal();

  function clientFor(node: NameNode) {
    const options = { protocol: node.protocol, host: node.host, port: node.port, path: '/webhdfs/v1' };
    return webhdfs.createClient(user === null ? options : { ...options, user }, {});
  }

  return {
    operation: (node, op, path, params) =>
      clientFor(node)._getOperationEndpoint(
        op,
        path,
        token === undefined ? params : { ...params, delegation: token },
      ),

    servlet(node, path, params) {
      const url = new URL(path, node.base);
      const who: Params = user === null ? {} : path === '/fsck' ? { ugi: user } : { 'user.name': user };
      for (const [key, value] of Object.entries({ ...params, ...who }))
        url.searchParams.set(key, String(value));
      if (token !== undefined && path === '/fsck') url.searchParams.set('delegation', token);
      return url.href;
    },

    send: (outgoing, bounds) => send(outgoing, bounds, tls),
  };
}

/** One request from its first byte to the last of its answer; rejects only when the whole call has ended. */
function send(outgoing: Outgoing, bounds: Bounds, tls: TlsOptions): Promise<Sent> {
  const isTls = outgoing.url.startsWith('https:');
  const agent = isTls
    ? new https.Agent({ ...tls, keepAlive: false, rejectUnauthorized: true })
    : new http.Agent({ keepAlive: false });
  return new Promise<Sent>((resolve, reject) => {
    if (bounds.signal.aborted) {
      reject(bounds.signal.reason as Error);
      return;
    }
    let received = 0;
    const client = webhdfs.createClient({ protocol: 'http', host: 'unused', port: 80, path: '' }, {});
    const pending = client._sendRequest(
      outgoing.method,
      outgoing.url,
      {
        agent,
        // A Buffer instead of text: the client's own parser of error bodies, which can throw, leaves it alone.
        encoding: null,
        json: false,
        followRedirect: false,
        proxy: false,
        ...(outgoing.body === undefined
          ? {}
          : { body: outgoing.body, headers: { 'content-type': 'application/octet-stream' } }),
      },
      () => undefined,
    );
    const patience = Math.max(1, Math.min(outgoing.timeout, bounds.left()));
    const timer = setTimeout(
      () =>
        settle({
          is: 'no-answer',
          unsent: false,
          message: `no whole answer within ${Math.round(patience)} ms`,
        }),
      patience,
    );
    bounds.signal.addEventListener('abort', onEnd, { once: true });
    pending.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received > outgoing.cap)
        settle({ is: 'no-answer', unsent: false, message: `more than ${outgoing.cap} bytes of answer` });
    });
    pending.on('complete', (response: http.IncomingMessage, body: unknown) => {
      if (response.complete && Buffer.isBuffer(body))
        settle({ is: 'answer', status: response.statusCode ?? 0, headers: response.headers, body });
      else settle({ is: 'no-answer', unsent: false, message: 'the answer was cut' });
    });
    // Stays for good: an aborted request may still report an error.
    pending.on('error', (error: NodeJS.ErrnoException) => settle(noAnswer(error)));

    function settle(sent: Sent): void {
      release();
      resolve(sent);
    }

    function onEnd(): void {
      release();
      reject(bounds.signal.reason as Error);
    }

    function release(): void {
      clearTimeout(timer);
      bounds.signal.removeEventListener('abort', onEnd);
      pending.abort();
      agent.destroy();
    }
  });
}

/** Codes of a connection that never came to be. */
const UNSENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
]);

function noAnswer(error: NodeJS.ErrnoException): Sent {
  const { code } = error;
  if (code === 'ECONNRESET' && error.message === 'aborted')
    return { is: 'no-answer', unsent: false, message: 'the answer was cut' };
  // Only the code: a message may hold the URL, and the URL a token.
  const unsent = code !== undefined && UNSENT.has(code);
  return { is: 'no-answer', unsent, message: code === undefined ? error.name : connectionWords(code) };
}
