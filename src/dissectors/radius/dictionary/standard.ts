/**
 * Attributes that are not a vendor's: number, name, type (`dictionary.ts`), names of values. From the RFCs and
 * https://www.iana.org/assignments/radius-types
 */
export const STANDARD = `
1 User-Name text
2 User-Password secret
3 CHAP-Password secret
4 NAS-IP-Address ipv4
5 NAS-Port integer
6 Service-Type integer 1=Login;2=Framed;3=Callback Login;4=Callback Framed;5=Outbound;6=Administrative;7=NAS Prompt;8=Authenticate Only;9=Callback NAS Prompt;10=Call Check;11=Callback Administrative;12=Voice;13=Fax;14=Modem Relay;15=IAPP-Register;16=IAPP-AP-Check;17=Authorize Only;18=Framed-Management;19=Additional-Authorization
7 Framed-Protocol integer 1=PPP;2=SLIP;3=ARAP;4=Gandalf SingleLink/MultiLink;5=Xylogics IPX/SLIP;6=X.75 Synchronous;7=GPRS PDP Context
8 Framed-IP-Address ipv4
9 Framed-IP-Netmask ipv4
10 Framed-Routing integer 0=None;1=Send routing packets;2=Listen for routing packets;3=Send and Listen
11 Filter-Id text
12 Framed-MTU integer
13 Framed-Compression integer 0=None;1=VJ TCP/IP header compression;2=IPX header compression;3=Stac-LZS compression
14 Login-IP-Host ipv4
15 Login-Service integer 0=Telnet;1=Rlogin;2=TCP Clear;3=PortMaster;4=LAT;5=X25-PAD;6=X25-T3POS;8=TCP Clear Quiet
16 Login-TCP-Port integer
17 Old-Password secret
18 Reply-Message text
19 Callback-Number text
20 Callback-Id text
22 Framed-Route text
23 Framed-IPX-Network ipv4
24 State octets
25 Class octets
26 Vendor-Specific vendor
27 Session-Timeout integer
28 Idle-Timeout integer
29 Termination-Action integer 0=Default;1=RADIUS-Request
30 Called-Station-Id text
31 Calling-Station-Id text
32 NAS-Identifier text
33 Proxy-State octets
34 Login-LAT-Service text
35 Login-LAT-Node text
36 Login-LAT-Group octets
37 Framed-AppleTalk-Link integer
38 Framed-AppleTalk-Network integer
39 Framed-AppleTalk-Zone text
40 Acct-Status-Type integer 1=Start;2=Stop;3=Interim-Update;7=Accounting-On;8=Accounting-Off;9=Tunnel-Start;10=Tunnel-Stop;11=Tunnel-Reject;12=Tunnel-Link-Start;13=Tunnel-Link-Stop;14=Tunnel-Link-Reject;15=Failed;18=Subsystem-On;19=Subsystem-Off
41 Acct-Delay-Time integer
42 Acct-Input-Octets integer
43 Acct-Output-Octets integer
44 Acct-Session-Id text
45 Acct-Authentic integer 1=RADIUS;2=Local;3=Remote;4=Diameter
46 Acct-Session-Time integer
47 Acct-Input-Packets integer
48 Acct-Output-Packets integer
49 Acct-Terminate-Cause integer 1=User Request;2=Lost Carrier;3=Lost Service;4=Idle Timeout;5=Session Timeout;6=Admin Reset;7=Admin Reboot;8=Port Error;9=NAS Error;10=NAS Request;11=NAS Reboot;12=Port Unneeded;13=Port Preempted;14=Port Suspended;15=Service Unavailable;16=Callback;17=User Error;18=Host Request;19=Supplicant Restart;20=Reauthentication Failure;21=Port Reinitialized;22=Port Administratively Disabled;23=Lost Power
50 Acct-Multi-Session-Id text
51 Acct-Link-Count integer
52 Acct-Input-Gigawords integer
53 Acct-Output-Gigawords integer
55 Event-Timestamp time
56 Egress-VLANID egress-vlan
57 Ingress-Filters integer 1=Enabled;2=Disabled
58 Egress-VLAN-Name egress-name
59 User-Priority-Table octets
60 CHAP-Challenge octets
61 NAS-Port-Type integer 0=Async;1=Sync;2=ISDN Sync;3=ISDN Async V.120;4=ISDN Async V.110;5=Virtual;6=PIAFS;7=HDLC Clear Channel;8=X.25;9=X.75;10=G.3 Fax;11=SDSL;12=ADSL-CAP;13=ADSL-DMT;14=IDSL;15=Ethernet;16=xDSL;17=Cable;18=Wireless - Other;19=Wireless - IEEE 802.11;20=Token-Ring;21=FDDI;22=Wireless - CDMA2000;23=Wireless - UMTS;24=Wireless - 1X-EV;25=IAPP;26=FTTP;27=Wireless - IEEE 802.16;28=Wireless - IEEE 802.20;29=Wireless - IEEE 802.22;30=PPPoA;31=PPPoEoA;32=PPPoEoE;33=PPPoEoVLAN;34=PPPoEoQinQ;35=xPON;36=Wireless - XGP;37=WiMAX Pre-Release 8 IWK Function;38=WIMAX-WIFI-IWK;39=WIMAX-SFF;40=WIMAX-HA-LMA;41=WIMAX-DHCP;42=WIMAX-LBS;43=WIMAX-WVS
62 Port-Limit integer
63 Login-LAT-Port text
64 Tunnel-Type tagged-integer 1=PPTP;2=L2F;3=L2TP;4=ATMP;5=VTP;6=AH;7=IP-IP;8=MIN-IP-IP;9=ESP;10=GRE;11=DVS;12=IP-in-IP Tunneling;13=VLAN
65 Tunnel-Medium-Type tagged-integer 1=IPv4;2=IPv6;3=NSAP;4=HDLC;5=BBN 1822;6=802;7=E.163;8=E.164;9=F.69;10=X.121;11=IPX;12=Appletalk;13=Decnet IV;14=Banyan Vines;15=E.164 NSAP
66 Tunnel-Client-Endpoint tagged-text
67 Tunnel-Server-Endpoint tagged-text
68 Acct-Tunnel-Connection text
69 Tunnel-Password tagged-secret
70 ARAP-Password secret
71 ARAP-Features octets
72 ARAP-Zone-Access integer 1=Default zone;2=Zone filter inclusive;4=Zone filter exclusive
73 ARAP-Security integer
74 ARAP-Security-Data octets
75 Password-Retry integer
76 Prompt integer 0=No Echo;1=Echo
77 Connect-Info text
78 Configuration-Token text
79 EAP-Message eap
80 Message-Authenticator octets
81 Tunnel-Private-Group-ID tagged-text
82 Tunnel-Assignment-ID tagged-text
83 Tunnel-Preference tagged-integer
84 ARAP-Challenge-Response octets
85 Acct-Interim-Interval integer
86 Acct-Tunnel-Packets-Lost integer
87 NAS-Port-Id text
88 Framed-Pool text
89 Chargeable-User-Identity octets
90 Tunnel-Client-Auth-ID tagged-text
91 Tunnel-Server-Auth-ID tagged-text
92 NAS-Filter-Rule text
94 Originating-Line-Info octets
95 NAS-IPv6-Address ipv6
96 Framed-Interface-Id interface-id
97 Framed-IPv6-Prefix ipv6-prefix
98 Login-IPv6-Host ipv6
99 Framed-IPv6-Route text
100 Framed-IPv6-Pool text
101 Error-Cause integer 201=Residual Session Context Removed;202=Invalid EAP Packet;401=Unsupported Attribute;402=Missing Attribute;403=NAS Identification Mismatch;404=Invalid Request;405=Unsupported Service;406=Unsupported Extension;407=Invalid Attribute Value;501=Administratively Prohibited;502=Request Not Routable (Proxy);503=Session Context Not Found;504=Session Context Not Removable;505=Other Proxy Processing Error;506=Resources Unavailable;507=Request Initiated;508=Multiple Session Selection Unsupported;509=Location-Info-Required;601=Response Too Big
102 EAP-Key-Name octets
103 Digest-Response text
104 Digest-Realm text
105 Digest-Nonce text
106 Digest-Response-Auth text
107 Digest-Nextnonce text
108 Digest-Method text
109 Digest-URI text
110 Digest-Qop text
111 Digest-Algorithm text
112 Digest-Entity-Body-Hash text
113 Digest-CNonce text
114 Digest-Nonce-Count text
115 Digest-Username text
116 Digest-Opaque text
117 Digest-Auth-Param text
118 Digest-AKA-Auts text
119 Digest-Domain text
120 Digest-Stale text
121 Digest-HA1 secret
122 SIP-AOR text
123 Delegated-IPv6-Prefix ipv6-prefix
124 MIP6-Feature-Vector octets
125 MIP6-Home-Link-Prefix octets
126 Operator-Name text
127 Location-Information octets
128 Location-Data octets
129 Basic-Location-Policy-Rules octets
130 Extended-Location-Policy-Rules octets
131 Location-Capable integer
132 Requested-Location-Info integer
133 Framed-Management-Protocol integer 1=SNMP;2=Web-based;3=NETCONF;4=FTP;5=TFTP;6=SFTP;7=RCP;8=SCP
134 Management-Transport-Protection integer 1=No-Protection;2=Integrity-Protection;3=Integrity-Confidentiality-Protection
135 Management-Policy-Id text
136 Management-Privilege-Level integer
137 PKM-SS-Cert octets
138 PKM-CA-Cert octets
139 PKM-Config-Settings octets
140 PKM-Cryptosuite-List octets
141 PKM-SAID octets
142 PKM-SA-Descriptor octets
143 PKM-Auth-Key secret
144 DS-Lite-Tunnel-Name text
145 Mobile-Node-Identifier octets
146 Service-Selection text
147 PMIP6-Home-LMA-IPv6-Address ipv6
148 PMIP6-Visited-LMA-IPv6-Address ipv6
149 PMIP6-Home-LMA-IPv4-Address ipv4
150 PMIP6-Visited-LMA-IPv4-Address ipv4
151 PMIP6-Home-HN-Prefix ipv6-prefix
152 PMIP6-Visited-HN-Prefix ipv6-prefix
153 PMIP6-Home-Interface-ID interface-id
154 PMIP6-Visited-Interface-ID interface-id
155 PMIP6-Home-IPv4-HoA ipv4-prefix
156 PMIP6-Visited-IPv4-HoA ipv4-prefix
157 PMIP6-Home-DHCP4-Server-Address ipv4
158 PMIP6-Visited-DHCP4-Server-Address ipv4
159 PMIP6-Home-DHCP6-Server-Address ipv6
160 PMIP6-Visited-DHCP6-Server-Address ipv6
161 PMIP6-Home-IPv4-Gateway ipv4
162 PMIP6-Visited-IPv4-Gateway ipv4
163 EAP-Lower-Layer integer 1=Wired IEEE 802.1X;2=IEEE 802.11 (no-pre-auth);3=IEEE 802.11 (pre-auth);4=IEEE 802.16e;5=IKEv2;6=PPP;7=PANA (no pre-auth);8=GSS-API;9=PANA (pre-auth)
164 GSS-Acceptor-Service-Name text
165 GSS-Acceptor-Host-Name text
166 GSS-Acceptor-Service-Specifics text
167 GSS-Acceptor-Realm-Name text
168 Framed-IPv6-Address ipv6
169 DNS-Server-IPv6-Address ipv6
170 Route-IPv6-Information ipv6-prefix
171 Delegated-IPv6-Prefix-Pool text
172 Stateful-IPv6-Address-Pool text
173 IPv6-6rd-Configuration tlv
173.1 IPv4MaskLen integer
173.2 6rdPrefix ipv6-prefix
173.3 6rdBRIPv4Address ipv4
174 Allowed-Called-Station-Id text
175 EAP-Peer-Id octets
176 EAP-Server-Id octets
177 Mobility-Domain-Id integer
178 Preauth-Timeout integer
179 Network-Id-Name octets
180 EAPoL-Announcement octets
181 WLAN-HESSID text
182 WLAN-Venue-Info integer
183 WLAN-Venue-Language octets
184 WLAN-Venue-Name text
185 WLAN-Reason-Code integer
186 WLAN-Pairwise-Cipher integer
187 WLAN-Group-Cipher integer
188 WLAN-AKM-Suite integer
189 WLAN-Group-Mgmt-Cipher integer
190 WLAN-RF-Band integer
206 Digest-Response text
207 Digest-Attributes octets
241 Extended-Attribute-1 extended
241.1 Frag-Status integer 0=Reserved;1=Fragmentation-Supported;2=More-Data-Pending;3=More-Data-Request
241.2 Proxy-State-Length integer
241.3 Response-Length integer
241.4 Original-Packet-Code integer
241.5 IP-Port-Limit-Info tlv
241.6 IP-Port-Range tlv
241.7 IP-Port-Forwarding-Map tlv
241.8 Operator-NAS-Identifier octets
241.9 SoftWire46-Configuration tlv
241.10 SoftWire46-Priority tlv
241.11 SoftWire46-Multicast tlv
242 Extended-Attribute-2 extended
243 Extended-Attribute-3 extended
244 Extended-Attribute-4 extended
245 Extended-Attribute-5 long-extended
245.1 SAML-Assertion text
245.2 SAML-Protocol text
245.3 DHCPv6-Options octets
245.4 DHCPv4-Options octets
246 Extended-Attribute-6 long-extended
`

/** What is in 241.5, 241.6 and 241.7. RFC 8045 §3.2 */
export const IP_PORT = `
1 IP-Port-Type integer
2 IP-Port-Limit integer
3 IP-Port-Ext-IPv4-Addr ipv4
4 IP-Port-Int-IPv4-Addr ipv4
5 IP-Port-Int-IPv6-Addr ipv6
6 IP-Port-Int-Port integer
7 IP-Port-Ext-Port integer
8 IP-Port-Alloc integer 0=Reserved;1=Allocation;2=Deallocation
9 IP-Port-Range-Start integer
10 IP-Port-Range-End integer
11 IP-Port-Local-Id text
`
