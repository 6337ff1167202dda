/**
 * The NameNodes of one nameservice: which one to ask, who is active, and what may follow a redirect. Nothing here
 * knows files.
 */
import { type Fault, failure, fault, HoldfastError } from '../domain/failure.js';
import type { Bounds } from './bounded-call.js';
import type { CallRate } from './storage-call-rate.js';
import { encodePath } from './storage-uri.js';
import {
  failureCodeOf,
  type HttpAnswer,
  provesActive,
  type Refusal,
  refusalOf,
  worthAskingAnother,
} from './webhdfs-answers.js';
import { beanAttribute, type NameNodeState, nameNodeStateIn } from './webhdfs-health.js';

export interface NameNode {
  readonly protocol: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** `host:port`, for people. */
  readonly label: string;
  readonly base: string;
}

export interface Outgoing {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly body?: Buffer;
  /** Bytes of the answer that are taken at most; more is no answer. */
  readonly cap: number;
  /** Milliseconds until the whole answer must be there. */
  readonly timeout: number;
}

/** A whole answer, or why there is none. */
export type Sent =
  | ({ readonly is: 'answer' } & HttpAnswer)
  | {
      readonly is: 'no-answer';
      /** There was no connection, so nothing was sent: an act is not in doubt. */
      readonly unsent: boolean;
      readonly message: string;
    };

/** How requests leave: the one place that knows the client library. */
export interface Transport {
  send(outgoing: Outgoing, bounds: Bounds): Promise<Sent>;
  /** The URL of an operation, with user or token. */
  operation(node: NameNode, op: string, path: string, params: Params): string;
  /** The URL of a servlet outside of WebHDFS (`/jmx`, `/fsck`). */
  servlet(node: NameNode, path: string, params: Params): string;
}

export type Params = Readonly<Record<string, string | number | boolean>>;

export type Outcome<T> =
  { readonly is: 'done'; readonly value: T } | { readonly is: 'refused'; readonly refusal: Refusal };

export const done = <T>(value: T): Outcome<T> => ({ is: 'done', value });
export const refused = (kind: Refusal['kind'], message: string): Outcome<never> => ({
  is: 'refused',
  refusal: { kind, message },
});

/** An outcome together with the NameNode that gave it. */
export type Routed<T> =
  | { readonly is: 'done'; readonly value: T; readonly node: NameNode }
  | { readonly is: 'refused'; readonly refusal: Refusal; readonly node: NameNode; readonly tried: string };

/** Who leads, as the NameNodes themselves say. */
export type Leadership =
  | { readonly is: 'one'; readonly node: NameNode; readonly state: NameNodeState }
  | { readonly is: 'not-one'; readonly because: Fault };

/** Metadata answers; a page of LISTSTATUS_BATCH has about 300 KB, a whole LISTSTATUS of 100,000 files 30 MB. */
const METADATA_CAP = 64 * 1024 * 1024;
/** How long one of several NameNodes is waited for: a metadata answer takes milliseconds, a frozen one never comes. */
const METADATA_PATIENCE = 10_000;
/** How long another NameNode is waited for when only its claim to be active is asked. */
const STATE_PATIENCE = 2_000;
/** Milliseconds that one look at all states serves the negative answers of a burst. */
const LEADERSHIP_AGE = 1_000;

export interface NameNodes {
  /** Asks the remembered NameNode first and, for looks, the others after it. */
  ask<T>(
    bounds: Bounds,
    attempt: (node: NameNode, timeout: number) => Promise<Outcome<T>>,
    first?: NameNode,
  ): Promise<Routed<T>>;
  /** One metadata operation on one NameNode. */
  operate(
    node: NameNode,
    method: Outgoing['method'],
    op: string,
    path: string,
    params: Params,
    timeout: number,
    bounds: Bounds,
  ): Promise<Outcome<HttpAnswer>>;
  /** A text of a servlet of one NameNode. */
  servlet(
    node: NameNode,
    path: string,
    params: Params,
    timeout: number,
    bounds: Bounds,
  ): Promise<Outcome<Buffer>>;
  /** Exactly one active NameNode, by JMX of all of them. One that does not answer counts as not active. */
  leadership(bounds: Bounds, options?: { readonly fresh: boolean }): Promise<Leadership>;
  attribute(node: NameNode, bean: string, attribute: string, bounds: Bounds): Promise<unknown>;
  /** Where a redirect leads, when it may be followed. */
  redirect(from: NameNode, answer: HttpAnswer, path: string): Outcome<URL>;
  readonly count: number;
}

export function nameNodes(
  bases: readonly string[],
  redirectHosts: readonly string[],
  transport: Transport,
  rate: CallRate,
): NameNodes {
  const nodes = bases.map(nameNodeAt);
  let active = nodes[0];
  let known: { readonly at: number; readonly leadership: Leadership } | null = null;

  async function exchange(outgoing: Outgoing, bounds: Bounds): Promise<Outcome<HttpAnswer>> {
    await rate.take(bounds);
    const sent = await transport.send(outgoing, bounds);
    if (sent.is === 'no-answer') return refused('io', sent.message);
    if (sent.status === 200 || sent.status === 201 || sent.status === 307) return done(sent);
    return { is: 'refused', refusal: refusalOf(sent) };
  }

  const metadataUrl = (node: NameNode, op: string, path: string, params: Params): string =>
    transport.operation(node, op, encodePath(path), params);

  async function servlet(
    node: NameNode,
    path: string,
    params: Params,
    timeout: number,
    bounds: Bounds,
  ): Promise<Outcome<Buffer>> {
    const outgoing = {
      method: 'GET',
      url: transport.servlet(node, path, params),
      cap: METADATA_CAP,
      timeout,
    } as const;
    const answer = await exchange(outgoing, bounds);
    if (answer.is === 'refused') {
      // Servlets refuse with a plain page instead of a RemoteException.
      return /^HTTP 403/.test(answer.refusal.message)
        ? refused('denied', `${path} is not open to this user: ${answer.refusal.message}`)
        : answer;
    }
    if (answer.value.status !== 200) return refused('protocol', `HTTP ${answer.value.status} of ${path}`);
    return done(answer.value.body);
  }

  async function stateOf(node: NameNode, bounds: Bounds): Promise<Outcome<NameNodeState>> {
    const timeout = nodes.length === 1 ? bounds.left() : Math.min(STATE_PATIENCE, bounds.left() / 2);
    const params = { qry: 'Hadoop:service=NameNode,name=NameNodeStatus' };
    const answer = await servlet(node, '/jmx', params, timeout, bounds);
    if (answer.is === 'refused') return answer;
    const state = nameNodeStateIn(answer.value);
    return state ? done(state) : refused('protocol', '/jmx did not answer with beans');
  }

  async function lookForLeader(bounds: Bounds): Promise<Leadership> {
    const states = await Promise.all(
      nodes.map(async (node) => ({ node, outcome: await stateOf(node, bounds) })),
    );
    const leaders = states.flatMap(({ node, outcome }) =>
      outcome.is === 'done' && outcome.value.state === 'active' ? [{ node, state: outcome.value }] : [],
    );
    const told = states
      .map(({ node, outcome }) =>
        outcome.is === 'done'
          ? `${node.label} is ${outcome.value.state}`
          : `${node.label}: ${outcome.refusal.message}`,
      )
      .join('; ');
    const [leader] = leaders;
    if (leader && leaders.length === 1) {
      active = leader.node;
      return { is: 'one', node: leader.node, state: leader.state };
    }
    const message = `expected exactly one active NameNode, found ${leaders.length}: ${told}`;
    if (leaders.length > 1) return { is: 'not-one', because: fault('StorageStandby', message) };
    if (states.some(({ outcome }) => outcome.is === 'done' && outcome.value.state !== 'starting'))
      return { is: 'not-one', because: fault('StorageStandby', message) };
    if (states.some(({ outcome }) => outcome.is === 'done'))
      return { is: 'not-one', because: fault('StorageUnavailable', message) };
    const worst = states.flatMap(({ outcome }) => (outcome.is === 'refused' ? [outcome.refusal] : []));
    return { is: 'not-one', because: fault(combinedCode(worst), message) };
  }

  return {
    count: nodes.length,
    servlet,

    async ask(bounds, attempt, first = active) {
      const order = [...nodes].sort((a, b) => Number(b === first) - Number(a === first));
      const refusals: { readonly node: NameNode; readonly refusal: Refusal }[] = [];
      for (const [index, node] of order.entries()) {
        // A frozen NameNode may not use up the time of the one that works.
        const outcome = await attempt(node, bounds.left() / (order.length - index));
        if (outcome.is === 'done') {
          active = node;
          return { ...outcome, node };
        }
        if (provesActive(outcome.refusal.kind)) active = node;
        refusals.push({ node, refusal: outcome.refusal });
        if (!worthAskingAnother(outcome.refusal.kind)) break;
      }
      const decisive = mostTelling(refusals);
      const tried = refusals.map(({ node, refusal }) => `${node.label}: ${refusal.message}`).join('; ');
      return { is: 'refused', refusal: decisive.refusal, node: decisive.node, tried };
    },

    async operate(node, method, op, path, params, timeout, bounds) {
      const url = metadataUrl(node, op, path, params);
      const patience = nodes.length === 1 ? timeout : Math.min(timeout, METADATA_PATIENCE);
      return exchange({ method, url, cap: METADATA_CAP, timeout: patience }, bounds);
    },

    async leadership(bounds, options) {
      const now = performance.now();
      if (!options?.fresh && known && now - known.at < LEADERSHIP_AGE) return known.leadership;
      const leadership = await lookForLeader(bounds);
      known = { at: now, leadership };
      return leadership;
    },

    async attribute(node, bean, attribute, bounds) {
      const params = { get: `${bean}::${attribute}` };
      const answer = await servlet(node, '/jmx', params, bounds.left(), bounds);
      if (answer.is === 'refused')
        throw failure(failureCodeOf(answer.refusal.kind), `${node.label}: ${answer.refusal.message}`);
      return beanAttribute(answer.value, attribute);
    },

    redirect: (from, answer, path) => redirectTarget(from, answer, path, redirectHosts),
  };
}

/** @throws ConfigInvalid when the text is not the base URL of a NameNode. */
function nameNodeAt(base: string): NameNode {
  const url = URL.canParse(base) ? new URL(base) : null;
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw failure('ConfigInvalid', 'expected the base URL of a NameNode such as http://nn1:9870', base);
  const protocol = url.protocol === 'https:' ? 'https' : 'http';
  const port = url.port === '' ? (protocol === 'https' ? 443 : 80) : Number(url.port);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return {
    protocol,
    host,
    port,
    label: `${url.hostname}:${port}`,
    base: `${protocol}://${url.hostname}:${port}`,
  };
}

interface Told {
  readonly node: NameNode;
  readonly refusal: Refusal;
}

/** The answer that explains most: one that is definite, else a standby, else the first. */
function mostTelling(refusals: readonly Told[]): Told {
  const last = refusals.at(-1);
  if (!last) throw new HoldfastError(fault('ConfigInvalid', 'the storage has no NameNodes'));
  if (!worthAskingAnother(last.refusal.kind)) return last;
  return refusals.find(({ refusal }) => refusal.kind === 'standby') ?? refusals[0] ?? last;
}

function combinedCode(refusals: readonly Refusal[]): Fault['code'] {
  const definite = refusals.find(({ kind }) => kind === 'auth' || kind === 'denied');
  return definite ? failureCodeOf(definite.kind) : 'StorageUnavailable';
}

/**
 * A redirect is followed to a DataNode only: by http or https but never from https to http (the token is in the
 * query), to an allowed host, and for the path that was asked for.
 */
function redirectTarget(
  from: NameNode,
  answer: HttpAnswer,
  path: string,
  allowedHosts: readonly string[],
): Outcome<URL> {
  const { location } = answer.headers;
  if (typeof location !== 'string' || !URL.canParse(location, from.base))
    return refused('protocol', `HTTP ${answer.status} without a usable Location`);
  const url = new URL(location, from.base);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return refused('foreign', `a redirect to ${url.protocol} was not followed`);
  if (from.protocol === 'https' && url.protocol === 'http:')
    return refused('foreign', `a redirect from https to http (${url.host}) was not followed`);
  if (allowedHosts.length > 0 && !allowedHosts.includes(url.host) && !allowedHosts.includes(url.hostname))
    return refused(
      'foreign',
      `a redirect to ${url.host}, which redirectHosts does not name, was not followed`,
    );
  if (decodedPath(url) !== `/webhdfs/v1${path}`)
    return refused('foreign', `a redirect to another path on ${url.host} was not followed`);
  return done(url);
}

function decodedPath(url: URL): string | null {
  try {
    return decodeURIComponent(url.pathname);
  } catch {
    return null;
  }
}
