import { notifyDone, notifyFailure } from './notify.ts'

/** Puts a text where it can be pasted from, and says so. */
export async function copyText(text: string, what: string): Promise<void> {
  try {
    await write(text)
    notifyDone(`${what} copied`)
  } catch (error) {
    notifyFailure(`${what} could not be copied`, error)
  }
}

/** Browsers offer the clipboard to pages of this machine and of HTTPS only; for others there is the old way. */
async function write(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text)
  const field = document.createElement('textarea')
  field.value = text
  field.style.position = 'fixed'
  document.body.append(field)
  field.select()
  const isDone = document.execCommand('copy')
  field.remove()
  if (!isDone) throw new Error('The browser does not allow it.')
}
