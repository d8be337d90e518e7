/** Stands for what must not be seen, such as passwords and what is made of them; the same for every protocol. */
export const REDACTED = '[REDACTED]'
