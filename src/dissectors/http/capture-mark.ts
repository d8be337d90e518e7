/** Field in requests of our own helpers, and of Kubeshark's, in lower case: with `ignore` they are no traffic to look at. */
export const CAPTURE_MARK = 'x-kubeshark-capture'
