import { ActionIcon, Menu, Tooltip } from '@mantine/core'
import {
  IconDownload,
  IconFileCode,
  IconFileText,
  IconNetwork,
  IconSend,
  IconTerminal2,
} from '@tabler/icons-react'
import { Link } from 'react-router'
import { download, saveAs } from '../../lib/api.ts'
import { copyText } from '../../lib/clipboard.ts'
import { notifyFailure } from '../../lib/notify.ts'
import { useMay } from '../../lib/session.ts'
import { curlOf } from './curl.ts'
import { type EntryAsked, fileNameOf, pathOf } from './entry-files.ts'

/** An entry to take along, in the formats of other tools. */
export function EntryDownloads({ asked }: { readonly asked: EntryAsked }) {
  const mayPackets = useMay('operator')
  const curl = curlOf(asked.entry)
  return (
    <Menu position="bottom-end" shadow="md">
      <Menu.Target>
        <Tooltip label="Download or copy">
          <ActionIcon variant="subtle" color="gray" aria-label="Download or copy the entry">
            <IconDownload size={16} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        {mayPackets && (
          <Menu.Item leftSection={<IconNetwork size={14} />} onClick={() => void fetchFile(asked, 'pcap')}>
            Packets of the connection (pcap)
          </Menu.Item>
        )}
        {curl !== undefined && (
          <Menu.Item leftSection={<IconFileText size={14} />} onClick={() => void fetchFile(asked, 'har')}>
            HTTP archive (HAR)
          </Menu.Item>
        )}
        <Menu.Item leftSection={<IconFileCode size={14} />} onClick={() => saveEntry(asked)}>
          Entry (JSON)
        </Menu.Item>
        {curl !== undefined && (
          <>
            <Menu.Divider />
            <Menu.Item
              leftSection={<IconTerminal2 size={14} />}
              onClick={() => void copyText(curl, 'The command')}
            >
              Copy as curl
            </Menu.Item>
          </>
        )}
        {mayPackets && asked.source === undefined && (
          <>
            <Menu.Divider />
            <Menu.Item
              leftSection={<IconSend size={14} />}
              component={Link}
              to={`/effects?entry=${encodeURIComponent(asked.id)}`}
            >
              What agents did with it
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}

async function fetchFile(asked: EntryAsked, what: 'pcap' | 'har'): Promise<void> {
  const path = pathOf(asked, what)
  if (path === undefined) return
  try {
    await download(path, fileNameOf(asked, what), { source: asked.source })
  } catch (error) {
    notifyFailure(`${what === 'pcap' ? 'The packets' : 'The archive'} cannot be downloaded`, error)
  }
}

function saveEntry(asked: EntryAsked): void {
  const text = JSON.stringify(asked.entry, undefined, 2)
  saveAs(new Blob([text], { type: 'application/json' }), fileNameOf(asked, 'json'))
}
