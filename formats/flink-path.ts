/**
 * Flink's `Path` changes the text it is given: it joins doubled slashes, resolves `.` and `..`, drops a trailing
 * slash. Two spellings of one file are therefore possible, and Flink refuses some texts altogether. These functions
 * do the same (measured against Flink 2.3 on Java 17), so that paths can be compared and refused as Flink does.
 * Nothing is percent-decoded; `?` and `#` are part of a name; control characters pass, and are caught by
 * {@link unsafePath}.
 */

/** A text that is no path for Flink. The reader that met it adds the offset. */
export class PathError extends Error {
  override readonly name = 'PathError';
}

/** A parsed `java.net.URI`; the texts are still quoted. No path: an opaque URI. */
interface Uri {
  readonly scheme: string | undefined;
  readonly authority: string | undefined;
  readonly path: string | undefined;
}

const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/;
const IP_V6_AUTHORITY = /^([^[\]]*@)?\[[0-9A-Fa-f:.]+(%[\w.~-]+)?\](:\d*)?$/;
const WINDOWS_ROOT = /^\/[A-Za-z]+:\/$/;
/** What Java's URI takes in a path, and in query and fragment, without quoting. */
const PATH_TEXT =
  /^(?:[A-Za-z0-9_\-!.~'()*:@&=+$,;/]|%[0-9A-Fa-f]{2}|[^\0-\x7f\u0080-\u009f\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000])*$/u;
const ANY_TEXT =
  /^(?:[A-Za-z0-9_\-!.~'()*:@&=+$,;/?[\]]|%[0-9A-Fa-f]{2}|[^\0-\x7f\u0080-\u009f\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000])*$/u;

/** The text that `new Path(text).toString()` gives. @throws PathError where Flink throws. */
export function cleanPath(text: string): string {
  return print(parse(text));
}

/**
 * The text that `new Path(new Path(directory), child).toString()` gives: how a relative file handle is resolved
 * against the directory of its `_metadata`.
 * @throws PathError where Flink throws.
 */
export const resolvePath = (directory: string, child: string): string => resolverOf(directory)(child);

/** {@link resolvePath} for many names in one directory. @throws PathError as {@link cleanPath} */
export function resolverOf(directory: string): (child: string) => string {
  const parent = parse(directory);
  const base = parent.path ?? '';
  const directoryPath = base === '/' || base === '' ? base : `${base}/`;
  const above = directoryPath.slice(0, directoryPath.lastIndexOf('/') + 1);
  return (child) => {
    let relative = parse(child);
    if (relative.path?.startsWith('/') === true)
      relative = build(
        relative.scheme,
        relative.authority === undefined ? undefined : unquote(relative.authority),
        orRefuse(unquote(relative.path).slice(1)),
      );
    if (relative.path === undefined) throw new PathError('a scheme without a path');
    if (relative.scheme !== undefined) return print(rebuild(relative));
    if (relative.authority !== undefined) return print(rebuild({ ...relative, scheme: parent.scheme }));
    const joined = relative.path.startsWith('/') ? relative.path : above + relative.path;
    return print(rebuild({ scheme: parent.scheme, authority: parent.authority, path: withoutDots(joined) }));
  };
}

/** `new Path(String)` */
function parse(given: string): Uri {
  const text = /^[A-Za-z]:/.test(orRefuse(given)) ? `/${given}` : given;
  let start = 0;
  let scheme: string | undefined;
  let authority: string | undefined;
  const colon = text.indexOf(':');
  const slash = text.indexOf('/');
  if (colon !== -1 && (slash === -1 || colon < slash)) {
    scheme = text.slice(0, colon);
    start = colon + 1;
  }
  if (text.startsWith('//', start) && text.length - start > 2) {
    const next = text.indexOf('/', start + 2);
    const end = next > 0 ? next : text.length;
    authority = text.slice(start + 2, end);
    start = end;
  }
  return build(scheme, authority, text.slice(start));
}

function orRefuse(text: string): string {
  if (text === '') throw new PathError('an empty path');
  return text;
}

/** Java prints the parts, parses the print, and normalizes what it finds: not always the same parts. */
function build(scheme: string | undefined, authority: string | undefined, givenPath: string): Uri {
  const path = joinSlashes(givenPath);
  if (scheme !== undefined && path !== '' && !path.startsWith('/'))
    throw new PathError('a relative path after a scheme');
  const text =
    (scheme === undefined ? '' : `${scheme}:`) +
    (authority === undefined ? '' : `//${quote(authority, true)}`) +
    quote(path, false);
  const uri = parseUri(text);
  return uri.path === undefined ? uri : { ...uri, path: withoutDots(uri.path) };
}

function rebuild({ scheme, authority, path }: Uri): Uri {
  if (path === undefined) throw new PathError('a scheme without a path');
  return build(scheme, authority === undefined ? undefined : unquote(authority), unquote(path));
}

function parseUri(text: string): Uri {
  const stop = text.search(/[/?#:]/);
  if (stop < 0 || text[stop] !== ':') return parseHierarchical(undefined, text);
  const scheme = text.slice(0, stop);
  if (!SCHEME.test(scheme)) throw new PathError(`the scheme ${JSON.stringify(scheme)}`);
  const rest = text.slice(stop + 1);
  if (rest.startsWith('/')) return parseHierarchical(scheme, rest);
  if (rest === '') throw new PathError('a scheme without a path');
  return { scheme, authority: undefined, path: undefined };
}

function parseHierarchical(scheme: string | undefined, text: string): Uri {
  let authority: string | undefined;
  let rest = text;
  if (text.startsWith('//')) {
    const end = text.slice(2).search(/[/?#]/);
    const found = end < 0 ? text.slice(2) : text.slice(2, end + 2);
    if (found === '' && end < 0) throw new PathError('an authority and a path that are both empty');
    if (/[[\]]/.test(found) && !IP_V6_AUTHORITY.test(found))
      throw new PathError(`the authority ${JSON.stringify(found)}`);
    // An empty authority is none: hdfs:///x is hdfs:/x.
    authority = found === '' ? undefined : found;
    rest = text.slice(2 + found.length);
  }
  const end = rest.search(/[?#]/);
  const path = end < 0 ? rest : rest.slice(0, end);
  if (!PATH_TEXT.test(path)) throw new PathError(`the path ${JSON.stringify(path)}`);
  if (end >= 0) {
    const [before = '', ...after] = rest.slice(end).replace(/^\?/, '').split('#');
    if (!ANY_TEXT.test(before) || after.length > 1 || !ANY_TEXT.test(after[0] ?? ''))
      throw new PathError(`the path ${JSON.stringify(rest)}`);
  }
  return { scheme, authority, path };
}

/** Java's quoting: what is illegal in a URI becomes percent escapes, `%` always does. */
function quote(text: string, authority: boolean): string {
  const legal = authority ? /[^A-Za-z0-9_\-!.~'()*:@&=+$,;[\]]/gu : /[^A-Za-z0-9_\-!.~'()*:@&=+$,;/]/gu;
  return text.replace(legal, (c) =>
    c >= '\x80' && !/[\u0080-\u009f\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/.test(c)
      ? c
      : [...Buffer.from(c)].map(escape).join(''),
  );
}

const escape = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;

const unquote = (text: string): string =>
  text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (escapes) =>
    Buffer.from(escapes.replaceAll('%', ''), 'hex').toString(),
  );

function joinSlashes(given: string): string {
  const path = given.replace(/\\/g, '/').replace(/\/{2,}/g, '/');
  return path.endsWith('/') && path !== '/' && !WINDOWS_ROOT.test(path) ? path.slice(0, -1) : path;
}

/** `java.net.URI.normalize` on a path: leading `..` stay, a removed last segment leaves its slash. */
function withoutDots(path: string): string {
  if (!/(^|\/)\.{1,2}(\/|$)/.test(path)) return path;
  const absolute = path.startsWith('/');
  const segments = path.split('/').filter((segment) => segment !== '');
  const kept: number[] = [];
  segments.forEach((segment, index) => {
    if (segment === '.') return;
    const before = kept[kept.length - 1];
    if (segment === '..' && before !== undefined && segments[before] !== '..') kept.pop();
    else kept.push(index);
  });
  const last = kept[kept.length - 1];
  const first = kept[0];
  const closing = last !== undefined && (last !== segments.length - 1 || path.endsWith('/')) ? '/' : '';
  // A first segment with a colon that was not first before would be taken for a scheme.
  const guard =
    !absolute && first !== undefined && first > 0 && segments[first]?.includes(':') === true ? './' : '';
  return (absolute ? '/' : guard) + kept.map((index) => segments[index]).join('/') + closing;
}

function print({ scheme, authority, path }: Uri): string {
  const plain = path === undefined ? '' : unquote(path);
  const bare =
    scheme === undefined && authority === undefined && /^\/[A-Za-z]:/.test(plain) ? plain.slice(1) : plain;
  return (
    (scheme === undefined ? '' : `${scheme}:`) +
    (authority === undefined ? '' : `//${unquote(authority)}`) +
    bare
  );
}

/**
 * Why a path that Flink would open must not be opened by a careful reader; undefined when it may. Flink's own
 * clean-up lets `..` remain at the top, and control characters pass.
 */
export function unsafePath(path: string): string | undefined {
  if (/[\u0000-\u001f\u007f-\u009f]/.test(path)) return 'control characters in the path';
  if (/(^|\/)\.\.(\/|$)/.test(path)) return "'..' in the path";
  if (/\p{Surrogate}/u.test(path)) return 'an unpaired surrogate in the path';
  return undefined;
}
