/** Who may send alerts. All comparisons take the same time, whatever is compared. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IntakeConfig } from '../config/config.js';

export interface Credentials {
  /** A header of the request, by lower-case name. */
  readonly header: (name: string) => string | undefined;
}

type Authentication = Pick<IntakeConfig, 'bearer' | 'hmac'>;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
/** Compares digests of equal length: neither content nor length shows in the time. */
const same = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));

/** Whether anybody has to authenticate. */
export const isGuarded = ({ bearer, hmac }: Authentication): boolean =>
  bearer !== undefined || hmac !== undefined;

/** Whether the request shows the bearer token. */
export function hasToken({ bearer }: Authentication, { header }: Credentials): boolean {
  const [, shown] = /^Bearer +(\S+) *$/i.exec(header('authorization') ?? '') ?? [];
  return bearer !== undefined && shown !== undefined && same(shown, bearer.reveal());
}

/** Whether the request carries any signature: only then is it worth reading the body of a sender without a token. */
export const isSigned = ({ header }: Credentials): boolean => signatures(header).length > 0;

/**
 * Whether the body is signed with the key: HMAC-SHA256, hex. `x-holdfast-signature: sha256=…`, PagerDuty's
 * `x-pagerduty-signature: v1=…,v1=…`, Grafana's `x-grafana-alerting-signature` (with its time, if it sends one).
 */
export function hasSignature({ hmac }: Authentication, { header }: Credentials, body: Uint8Array): boolean {
  if (hmac === undefined) return false;
  const key = hmac.reveal();
  const time = header('x-grafana-alerting-timestamp');
  const expected = [createHmac('sha256', key).update(body).digest('hex')];
  if (time !== undefined)
    expected.push(createHmac('sha256', key).update(`${time}:`).update(body).digest('hex'));
  const shown = signatures(header);
  return expected.some((right) => shown.some((signature) => same(signature, right)));
}

/** A request shows at most a few; more would only cost time. */
const MOST_SIGNATURES = 4;

function signatures(header: Credentials['header']): readonly string[] {
  return ['x-holdfast-signature', 'x-pagerduty-signature', 'x-grafana-alerting-signature']
    .flatMap((name) => (header(name) ?? '').split(','))
    .map((text) =>
      text
        .trim()
        .replace(/^(sha256|v1)=/, '')
        .toLowerCase(),
    )
    .filter((text) => text !== '')
    .slice(0, MOST_SIGNATURES);
}
