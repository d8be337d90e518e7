import type { Field } from '../http/head.ts'

/** A field with what it counts for in a table (RFC 7541 §4.1); one whose name is "" is not known. */
export interface TableField extends Field {
  readonly size: number
}

/** What a field counts for beside its name and value. */
export const FIELD_OVERHEAD = 32

const FIELDS = `
:authority|:method GET|:method POST|:path /|:path /index.html|:scheme http|:scheme https|:status 200|:status 204
:status 206|:status 304|:status 400|:status 404|:status 500|accept-charset|accept-encoding gzip, deflate|accept-language
accept-ranges|accept|access-control-allow-origin|age|allow|authorization|cache-control|content-disposition
content-encoding|content-language|content-length|content-location|content-range|content-type|cookie|date|etag|expect
expires|from|host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|last-modified|link|location
max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|server|set-cookie
strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate`

/** RFC 7541 appendix A, from 1 on. */
export const STATIC_FIELDS: readonly TableField[] = ['', ...FIELDS.trim().split(/[|\n]/)].map((text) => {
  const [, name = '', value = ''] = /^(\S*) ?(.*)$/.exec(text) ?? []
  return { name, value, size: name.length + value.length + FIELD_OVERHEAD }
})
