/**
 * A page from who knows where, to be shown in a frame with `sandbox`: that keeps it from running scripts and from being of our origin.
 * Here is what keeps it from the network: a policy that comes before all else in it, and no more of what policies do not hold
 * (connections in advance, pages that lead elsewhere by themselves or by a click). Undefined: it is not the same twice when it is read.
 */
export function framed(html: string): string | undefined {
  let page = cleaned(html)
  // What is written out may be read as something else: markup that hides in other markup.
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const again = cleaned(page)
    if (again === page) return page
    page = again
  }
  return undefined
}

function cleaned(html: string): string {
  // Nothing is loaded or run by parsing.
  const page = new DOMParser().parseFromString(html, 'text/html')
  for (const element of page.querySelectorAll(LEAVING)) element.remove()
  for (const link of page.querySelectorAll('a, area')) showTarget(link)
  const policy = page.createElement('meta')
  policy.httpEquiv = 'Content-Security-Policy'
  policy.content = POLICY
  page.head.prepend(policy)
  return `<!doctype html>${page.documentElement.outerHTML}`
}

/** Where a link leads can be read, not followed. */
function showTarget(link: Element): void {
  const target = link.getAttribute('href') ?? link.getAttribute('xlink:href')
  for (const name of ['href', 'xlink:href', 'ping', 'target']) link.removeAttribute(name)
  if (target !== null) link.setAttribute('title', target)
}

/** Templates may become parts of the page where nobody looks for them. */
const LEAVING =
  'script, link, base, meta[http-equiv], iframe, frame, frameset, object, embed, portal, fencedframe, template'
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'"
const MOST_ROUNDS = 5
