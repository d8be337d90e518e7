import {
  IconActivity,
  IconAffiliate,
  IconBellRinging,
  IconClockPlay,
  IconCode,
  IconHeartbeat,
  IconRecordMail,
  IconReport,
  IconSend,
  IconShieldLock,
  IconTarget,
  IconTerminal2,
} from '@tabler/icons-react'

/** The screens, in the order of the navigation. `key`: pressed after `g`. */
export const screens = [
  { path: '/traffic', title: 'Traffic', key: 't', icon: IconActivity },
  { path: '/agents', title: 'Agents', key: 'a', icon: IconCode },
  { path: '/console', title: 'Console', key: 'c', icon: IconTerminal2 },
  { path: '/alerts', title: 'Alerts', key: 'l', icon: IconBellRinging },
  { path: '/effects', title: 'Effects', key: 'e', icon: IconSend },
  { path: '/policies', title: 'Policies', key: 'o', icon: IconShieldLock },
  { path: '/reports', title: 'Reports', key: 'p', icon: IconReport },
  { path: '/jobs', title: 'Jobs', key: 'j', icon: IconClockPlay },
  { path: '/map', title: 'Service map', key: 'm', icon: IconAffiliate },
  { path: '/recordings', title: 'Recordings', key: 'r', icon: IconRecordMail },
  { path: '/capture', title: 'Capture', key: 'u', icon: IconTarget },
  { path: '/health', title: 'Health', key: 'h', icon: IconHeartbeat },
] as const
