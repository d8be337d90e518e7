/**
 * AVPs without a vendor: code, name, type (`dictionary.ts`), names of values. Below 256 are the attributes of RADIUS.
 * RFC 6733, 4004, 4072, 5779, 7155, 8506, 4740, 7683 and https://www.iana.org/assignments/aaa-parameters
 */
export const BASE = `
1 User-Name text
2 User-Password secret
3 CHAP-Password secret
4 NAS-IP-Address address
5 NAS-Port unsigned
6 Service-Type integer
7 Framed-Protocol integer
8 Framed-IP-Address address
9 Framed-IP-Netmask address
10 Framed-Routing integer
11 Filter-Id text
12 Framed-MTU unsigned
13 Framed-Compression integer
14 Login-IP-Host address
15 Login-Service integer
16 Login-TCP-Port unsigned
18 Reply-Message text
19 Callback-Number text
20 Callback-Id text
22 Framed-Route text
23 Framed-IPX-Network text
24 State octets
25 Class octets
26 Vendor-Specific unsigned
27 Session-Timeout unsigned
28 Idle-Timeout unsigned
29 Termination-Action integer
30 Called-Station-Id text
31 Calling-Station-Id text
32 NAS-Identifier text
33 Proxy-State octets
34 Login-LAT-Service octets
35 Login-LAT-Node octets
36 Login-LAT-Group octets
37 Framed-AppleTalk-Link unsigned
38 Framed-AppleTalk-Network unsigned
39 Framed-AppleTalk-Zone octets
40 Acct-Status-Type integer
41 Acct-Delay-Time unsigned
42 Acct-Input-Octets unsigned
43 Acct-Output-Octets unsigned
44 Acct-Session-Id octets
45 Acct-Authentic integer
46 Acct-Session-Time unsigned
47 Acct-Input-Packets integer
48 Acct-Output-Packets integer
49 Acct-Terminate-Cause integer
50 Accounting-Multi-Session-Id text
51 Acct-Link-Count unsigned
52 Acct-Input-Gigawords integer
53 Acct-Output-Gigawords integer
55 Event-Timestamp time
56 Egress-VLANID octets
57 Ingress-Filters integer
58 Egress-VLAN-Name text
59 User-Priority-Table octets
60 CHAP-Challenge octets
61 NAS-Port-Type integer
62 Port-Limit unsigned
63 Login-LAT-Port octets
64 Tunnel-Type integer
65 Tunnel-Medium-Type integer
66 Tunnel-Client-Endpoint text
67 Tunnel-Server-Endpoint text
68 Tunnel-Connection-ID octets
69 Tunnel-Password secret
70 ARAP-Password secret
71 ARAP-Features octets
72 ARAP-Zone-Access integer
73 ARAP-Security unsigned
74 ARAP-Security-Data octets
75 Password-Retry unsigned
76 Prompt integer
77 Connect-Info text
78 Configuration-Token octets
79 EAP-Message octets
80 Signature octets
81 Tunnel-Private-Group-Id octets
82 Tunnel-Assignment-Id octets
83 Tunnel-Preference unsigned
84 ARAP-Challenge-Response octets
85 Acct-Interim-Interval unsigned
86 Acct-Tunnel-Packets-Lost unsigned
87 NAS-Port-Id text
88 Framed-Pool octets
89 CUI text
90 Tunnel-Client-Auth-Id text
91 Tunnel-Server-Auth-Id text
92 RADIUS-NAS-Filter-Rule text
94 Originating-Line-Info octets
95 NAS-IPv6-Address address
96 Framed-Interface-Id unsigned64
97 Framed-IPv6-Prefix prefix
98 Login-IPv6-Host address
99 Framed-IPv6-Route text
100 Framed-IPv6-Pool octets
101 Error-Cause integer
102 EAP-Key-Name text
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
123 Delegated-IPv6-Prefix prefix
124 MIP6-Feature-Vector unsigned64
125 MIP6-Home-Link-Prefix octets
126 Operator-Name octets
127 Location-Information octets
128 Location-Data octets
129 Basic-Location-Policy-Rules octets
130 Extended-Location-Policy-Rules octets
131 Location-Capable octets
132 Requested-Location-Info octets
133 Framed-Management-Protocol integer
134 Management-Transport-Protection integer
135 Management-Policy-Id text
136 Management-Privilege-Level integer
137 PKM-SS-Cert octets
138 PKM-CA-Cert octets
139 PKM-Config-Settings octets
140 PKM-Cryptosuite-List octets
141 PKM-SAID octets
142 PKM-SA-Descriptor octets
143 PKM-Auth-Key secret
257 Host-IP-Address address
258 Auth-Application-Id unsigned
259 Acct-Application-Id unsigned
260 Vendor-Specific-Application-Id group
261 Redirect-Host-Usage integer 0=DONT_CARE;1=ALL_SESSION;2=ALL_REALM;3=REALM_AND_APPLICATION;4=ALL_APPLICATION;5=ALL_HOST;6=ALL_USER
262 Redirect-Max-Cache-Time unsigned
263 Session-Id text
264 Origin-Host text
265 Supported-Vendor-Id unsigned
266 Vendor-Id unsigned
267 Firmware-Revision unsigned
268 Result-Code unsigned
269 Product-Name text
270 Session-Binding integer 1=RE_AUTH;2=STR;4=ACCOUNTING
271 Session-Server-Failover integer 0=REFUSE_SERVICE;1=TRY_AGAIN;2=ALLOW_SERVICE;3=TRY_AGAIN_ALLOW_SERVICE
272 Multi-Round-Time-Out unsigned
273 Disconnect-Cause integer 0=REBOOTING;1=BUSY;2=DO_NOT_WANT_TO_TALK_TO_YOU
274 Auth-Request-Type integer 1=AUTHENTICATE_ONLY;2=AUTHORIZE_ONLY;3=AUTHORIZE_AUTHENTICATE
275 Alternate-Peer text
276 Auth-Grace-Period unsigned
277 Auth-Session-State integer 0=STATE_MAINTAINED;1=NO_STATE_MAINTAINED
278 Origin-State-Id unsigned
279 Failed-AVP group
280 Proxy-Host text
281 Error-Message text
282 Route-Record text
283 Destination-Realm text
284 Proxy-Info group
285 Re-Auth-Request-Type integer 0=AUTHORIZE_ONLY;1=AUTHORIZE_AUTHENTICATE
287 Accounting-Sub-Session-Id unsigned64
291 Authorization-Lifetime integer
292 Redirect-Host text
293 Destination-Host text
294 Error-Reporting-Host text
295 Termination-Cause integer 1=DIAMETER_LOGOUT;2=DIAMETER_SERVICE_NOT_PROVIDED;3=DIAMETER_BAD_ANSWER;4=DIAMETER_ADMINISTRATIVE;5=DIAMETER_LINK_BROKEN;6=DIAMETER_AUTH_EXPIRED;7=DIAMETER_USER_MOVED;8=DIAMETER_SESSION_TIMEOUT;11=User Request;12=Lost Carrier;13=Lost Service;14=Idle Timeout;15=Session Timeout;16=Admin Reset;17=Admin Reboot;18=Port Error;19=NAS Error;20=NAS Request;21=NAS Reboot;22=Port Unneeded;23=Port Preempted;24=Port Suspended;25=Service Unavailable;26=Callback;27=User Error;28=Host Request;29=Supplicant Restart;30=Reauthentication Failure;31=Reauthentication Failure;32=Port Administratively Disabled
296 Origin-Realm text
297 Experimental-Result group
298 Experimental-Result-Code unsigned
299 Inband-Security-Id integer 0=NO_INBAND_SECURITY;1=TLS
300 E2E-Sequence group
301 DRMP integer
318 MIP-FA-to-HA-SPI unsigned
319 MIP-FA-to-MN-SPI unsigned
320 MIP-Reg-Request octets
321 MIP-Reg-Reply octets
322 MIP-MN-AAA-Auth group
323 MIP-HA-to-FA-SPI unsigned
325 MIP-MN-to-FA-MSA group
326 MIP-FA-to-MN-MSA group
328 MIP-FA-to-HA-MSA group
329 MIP-HA-to-FA-MSA group
331 MIP-MN-to-HA-MSA group
332 MIP-HA-to-MN-MSA group
333 MIP-Mobile-Node-Address address
334 MIP-Home-Agent-Address address
335 MIP-Nonce octets
336 MIP-Candidate-Home-Agent-Host text
337 MIP-Feature-Vector integer
338 MIP-Auth-Input-Data-Length unsigned
339 MIP-Authenticator-Length unsigned
340 MIP-Authenticator-Offset unsigned
341 MIP-MN-AAA-SPI unsigned
342 MIP-Filter-Rule text
343 MIP-Session-Key secret
344 MIP-FA-Challenge octets
345 MIP-Algorithm-Type integer 2=HMAC-SHA-1
346 MIP-Replay-Mode integer 1=None;2=Timestamps;3=Nonces
347 MIP-Originating-Foreign-AAA group
348 MIP-Home-Agent-Host group
363 Accounting-Input-Octets unsigned64
364 Accounting-Output-Octets unsigned64
365 Accounting-Input-Packets unsigned64
366 Accounting-Output-Packets unsigned64
367 MIP-MSA-Lifetime unsigned
368 SIP-Accounting-Information group
369 SIP-Accounting-Server-URI text
370 SIP-Credit-Control-Server-URI text
371 SIP-Server-URI text
372 SIP-Server-Capabilities group
373 SIP-Mandatory-Capability unsigned
374 SIP-Optional-Capability unsigned
375 SIP-Server-Assignment-Type integer 0=NO_ASSIGNMENT;1=REGISTRATION;2=RE_REGISTRATION;3=UNREGISTERED_USER;4=TIMEOUT_DEREGISTRATION;5=USER_DEREGISTRATION;6=TIMEOUT_DEREGISTRATION_STORE_SERVER_NAME;7=USER_DEREGISTRATION_STORE_SERVER_NAME;8=ADMINISTRATIVE_DEREGISTRATION;9=AUTHENTICATION_FAILURE;10=AUTHENTICATION_TIMEOUT;11=DEREGISTRATION_TOO_MUCH_DATA
376 SIP-Auth-Data-Item group
377 SIP-Authentication-Scheme integer 0=DIGEST
378 SIP-Item-Number unsigned
379 SIP-Authenticate group
380 SIP-Authorization group
381 SIP-Authentication-Info group
382 SIP-Number-Auth-Items unsigned
383 SIP-Deregistration-Reason group
384 SIP-Reason-Code integer 0=PERMANENT_TERMINATION;1=NEW_SIP_SERVER_ASSIGNED;2=SIP_SERVER_CHANGE;3=REMOVE_SIP_SERVER
385 SIP-Reason-Info text
386 SIP-Visited-Network-Id text
387 SIP-User-Authorization-Type integer 0=REGISTRATION;1=DEREGISTRATION;2=REGISTRATION_AND_CAPABILITIES
388 SIP-Supported-User-Data-Type text
389 SIP-User-Data group
390 SIP-User-Data-Type text
391 SIP-User-Data-Contents octets
392 SIP-User-Data-Already-Available integer 0=USER_DATA_NOT_AVAILABLE;1=USER_DATA_ALREADY_AVAILABLE
393 SIP-Method text
400 NAS-Filter-Rule text
401 Tunneling group
402 CHAP-Auth group
403 CHAP-Algorithm integer 5=CHAP with MD5
404 CHAP-Ident octets
405 CHAP-Response secret
406 Accounting-Auth-Method integer 1=PAP;2=CHAP;3=MS-CHAP-1;4=MS-CHAP-2;5=EAP;7=None
407 QoS-Filter-Rule text
408 Origin-AAA-Protocol integer 1=RADIUS
411 CC-Correlation-Id octets
412 CC-Input-Octets unsigned64
413 CC-Money group
414 CC-Output-Octets unsigned64
415 CC-Request-Number unsigned
416 CC-Request-Type integer 1=INITIAL_REQUEST;2=UPDATE_REQUEST;3=TERMINATION_REQUEST;4=EVENT_REQUEST
417 CC-Service-Specific-Units unsigned64
418 CC-Session-Failover integer 0=FAILOVER_NOT_SUPPORTED;1=FAILOVER_SUPPORTED
419 CC-Sub-Session-Id unsigned64
420 CC-Time unsigned
421 CC-Total-Octets unsigned64
422 Check-Balance-Result integer 0=ENOUGH_CREDIT;1=NO_CREDIT
423 Cost-Information group
424 Cost-Unit text
425 Currency-Code unsigned
426 Credit-Control integer 0=CREDIT_AUTHORIZATION;1=RE_AUTHORIZATION
427 Credit-Control-Failure-Handling integer 0=TERMINATE;1=CONTINUE;2=RETRY_AND_TERMINATE
428 Direct-Debiting-Failure-Handling integer 0=TERMINATE_OR_BUFFER;1=CONTINUE
429 Exponent integer
430 Final-Unit-Indication group
431 Granted-Service-Unit group
432 Rating-Group unsigned
433 Redirect-Address-Type integer 0=IPV4_ADDRESS;1=IPV6_ADDRESS;2=URL;3=SIP_URI
434 Redirect-Server group
435 Redirect-Server-Address text
436 Requested-Action integer 0=DIRECT_DEBITING;1=REFUND_ACCOUNT;2=CHECK_BALANCE;3=PRICE_ENQUIRY
437 Requested-Service-Unit group
438 Restriction-Filter-Rule text
439 Service-Identifier unsigned
440 Service-Parameter-Info group
441 Service-Parameter-Type unsigned
442 Service-Parameter-Value octets
443 Subscription-Id group
444 Subscription-Id-Data text
445 Unit-Value group
446 Used-Service-Unit group
447 Value-Digits integer64
448 Validity-Time unsigned
449 Final-Unit-Action integer 0=TERMINATE;1=REDIRECT;2=RESTRICT_ACCESS
450 Subscription-Id-Type integer 0=END_USER_E164;1=END_USER_IMSI;2=END_USER_SIP_URI;3=END_USER_NAI;4=END_USER_PRIVATE
451 Tariff-Time-Change time
452 Tariff-Change-Usage integer 0=UNIT_BEFORE_TARIFF_CHANGE;1=UNIT_AFTER_TARIFF_CHANGE;2=UNIT_INDETERMINATE
453 G-S-U-Pool-Identifier unsigned
454 CC-Unit-Type integer 0=TIME;1=MONEY;2=TOTAL-OCTETS;3=INPUT-OCTETS;4=OUTPUT-OCTETS;5=SERVICE-SPECIFIC-UNITS
455 Multiple-Services-Indicator integer 0=MULTIPLE_SERVICES_NOT_SUPPORTED;1=MULTIPLE_SERVICES_SUPPORTED
456 Multiple-Services-Credit-Control group
457 G-S-U-Pool-Reference group
458 User-Equipment-Info group
459 User-Equipment-Info-Type integer 0=IMEISV;1=MAC;2=EUI64;3=MODIFIED_EUI64
460 User-Equipment-Info-Value octets
461 Service-Context-Id text
462 EAP-Payload octets
463 EAP-Reissued-Payload octets
464 EAP-Master-Session-Key secret
465 Accounting-EAP-Auth-Method unsigned64
480 Accounting-Record-Type integer 1=EVENT_RECORD;2=START_RECORD;3=INTERIM_RECORD;4=STOP_RECORD
483 Accounting-Realtime-Required integer 1=DELIVER_AND_GRANT;2=GRANT_AND_STORE;3=GRANT_AND_LOSE
485 Accounting-Record-Number unsigned
486 MIP6-Agent-Info group
487 MIP-Careof-Address address
488 MIP-Authenticator octets
489 MIP-MAC-Mobility-Data octets
490 MIP-Timestamp octets
491 MIP-MN-HA-SPI unsigned
492 MIP-MN-HA-MSA group
493 Service-Selection text
494 MIP6-Auth-Mode integer 1=IP6_AUTH_MN_AAA
495 TMOD-1 group
496 Token-Rate float
497 Bucket-Depth float
498 Peak-Traffic-Rate float
499 Minimum-Policed-Unit unsigned
500 Maximum-Packet-Size unsigned
501 TMOD-2 group
502 Bandwidth float
503 PHB-Class unsigned
504 PMIP6-DHCP-Server-Address address
505 PMIP6-IPv4-Home-Address address
506 Mobile-Node-Identifier text
507 Service-Configuration group
508 QoS-Resources group
509 Filter-Rule group
510 Filter-Rule-Precedence unsigned
511 Classifier group
512 Classifier-ID octets
513 Protocol integer 6=TCP Transmission Control;17=UDP User Datagram;132=SCTP Stream Control Transmission Protocol
514 Direction integer 0=IN;1=OUT;2=BOTH
515 From-Spec group
516 To-Spec group
517 Negated integer 0=False;1=True
518 IP-Address address
519 IP-Address-Range group
520 IP-Address-Start address
521 IP-Address-End address
522 IP-Address-Mask group
523 IP-Bit-Mask-Width unsigned
524 MAC-Address octets
525 MAC-Address-Mask group
526 MAC-Address-Mask-Pattern octets
527 EUI64-Address octets
528 EUI64-Address-Mask group
529 EUI64-Address-Mask-Pattern octets
530 Port integer
531 Port-Range group
532 Port-Start integer
533 Port-End integer
534 Use-Assigned-Address integer 0=False;1=True
535 Diffserv-Code-Point integer
536 Fragmentation-Flag integer
537 IP-Option group
538 IP-Option-Type integer
539 IP-Option-Value octets
540 TCP-Option group
541 TCP-Option-Type integer
542 TCP-Option-Value octets
543 TCP-Flags group
544 TCP-Flag-Type unsigned
545 ICMP-Type group
546 ICMP-Type-Number integer
547 ICMP-Code integer
548 ETH-Option group
549 ETH-Proto-Type group
550 ETH-Ether-Type octets
551 ETH-SAP octets
552 VLAN-ID-Range group
553 S-VID-Start unsigned
554 S-VID-End unsigned
555 C-VID-Start unsigned
556 C-VID-End unsigned
557 User-Priority-Range group
558 Low-User-Priority unsigned
559 High-User-Priority unsigned
560 Time-Of-Day-Condition group
561 Time-Of-Day-Start unsigned
562 Time-Of-Day-End unsigned
563 Day-Of-Week-Mask integer
564 Day-Of-Month-Mask integer
565 Month-Of-Year-Mask integer
566 Absolute-Start-Time time
567 Absolute-Start-Fractional-Seconds unsigned
568 Absolute-End-Time time
569 Absolute-End-Fractional-Seconds unsigned
570 Timezone-Flag integer 0=UTC;1=LOCAL;2=OFFSET
571 Timezone-Offset integer
572 Treatment-Action integer 0=Drop;1=Shape;2=Mark;3=Permit
573 QoS-Profile-Id unsigned
574 QoS-Profile-Template group
575 QoS-Semantics integer 0=QoS-Desired;1=QoS-Available;2=QoS-Delivered;3=Minimum-QoS;4=QoS-Authorized
576 QoS-Parameters group
577 Excess-Treatment group
620 Redirect-Realm text
621 OC-Supported-Features group
622 OC-Feature-Vector unsigned64
623 OC-OLR group
624 OC-Sequence-Number unsigned64
625 OC-Validity-Duration unsigned
626 OC-Report-Type integer 0=HOST_REPORT;1=REALM_REPORT;2=PEER_REPORT
627 OC-Reduction-Percentage unsigned
648 OC-Peer-Algo unsigned64
649 SourceID text
650 Load group
651 Load-Type integer 0=HOST;1=PEER
652 Load-Value unsigned64
653 User-Equipment-Info-Extension group
654 User-Equipment-Info-IMEISV octets
655 User-Equipment-Info-MAC octets
656 User-Equipment-Info-EUI64 octets
657 User-Equipment-Info-ModifiedEUI64 octets
658 User-Equipment-Info-IMEI octets
`
