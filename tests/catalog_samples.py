# ruff: noqa: E501
"""Small hand-made files of each catalogue format, two events each, from the published layouts."""

FDSN = """\
#EventID | Time | Latitude | Longitude | Depth/km | Author | Catalog | Contributor | \
ContributorID | MagType | Magnitude | MagAuthor | EventLocationName | EventType
xx1|2020-01-01T00:00:10.5|35.25|-117.5|8.0|net|cat|net|1|ml|2.5|net|10 km W of Nowhere, XX|earthquake
xx2|2020-01-02T00:00:00Z|36|-118||||||||||
"""

COMCAT = """\
time,latitude,longitude,depth,mag,magType,nst,gap,dmin,rms,net,id,updated,place,type,\
horizontalError,depthError,magError,magNst,status,locationSource,magSource
2020-01-01T00:00:10.500Z,61.25,-147.5,1.2,1.4,ml,12,80,0.5,0.31,xx,xx1,2020-02-01T00:00:00.040Z,\
"5 km N of Glacier, XX",ice quake,0.5,1.8,0.1,7,reviewed,xx,xx
2020-01-02T00:00:00.000Z,37.5,137.25,10,5,mww,,,,,us,us1,2020-02-01T00:00:00.040Z,\
Sea of Nowhere,quarry blast,,,,,automatic,us,us
"""

SPACEAPPS = """\
filename,time_abs(%Y-%m-%dT%H:%M:%S.%f),time_rel(sec),evid,mq_type
xa.s12.00.mhz.1971-02-03HR00_evid00901,1971-02-03T04:05:00.000000,14700,evid00901,impact_mq
xa.s12.00.mhz.1971-02-04HR02_evid00902,1971-02-04T12:55:00.000000,46500.0,evid00902,deep_mq
"""

LEVENT = (
    "  71 107 2350 0010 26. 115.         22   2 4                                H        \n"
    "  71 365 0410 9999 -1.      1.5 2.0 1                   SOME REMARK         M    A  1\n"
)

EPOCHS = """\
# annotated epochs from DB example, datetime: 2020-01-01T00:00:00Z
"2019-03-01T01:00:00Z","2019-03-01T01:00:20Z","abc",\
"http://quakeml.org/vocab/marsquake/1.0/MarsEpochType#DONKS","02.BHV 1e-7","a first line

and a third, with comma"
"2019-03-02T01:00:00Z","","abc","http://quakeml.org/vocab/marsquake/1.0/MarsEpochType#DONKS;\
http://quakeml.org/vocab/marsquake/1.0/MarsEpochType#TEMPERATURE_GLITCH","",""
"""

_GLITCH = "5.0e-09 1.2e-08 1.5e-08 5.4e-09 1.2e-08 1.5e-08 50.2 3.9 101.4 4.2 73.5 0.993"
SEISGLITCH = f"""\
#    0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22
#  NUM GLITCH-UTC-S GLITCH-UTC-E GLITCH-LMST-S GLITCH-LMST-E U-GLITCH V-GLITCH W-GLITCH \
U-RAW V-RAW W-RAW U-GAI V-GAI W-GAI Z-GAI N-GAI E-GAI AZI_3D_GAI AZI_ERR_3D_GAI INC_3D_GAI \
INC_ERR_3D_GAI SNR_3D_GAI POL_3D_GAI
# ----------------------------------------------------------------
000001 2019-03-01T23:59:50 2019-03-02T00:00:15 092M23:59:58 093M00:00:22 0 1 1 14 39 30 {_GLITCH}
000002 2019-03-02T01:00:00 2019-03-02T01:00:25 093M01:00:07 093M01:00:31 1 1 0 14 39 30 {_GLITCH}
#   | RESULTS:  Glitches all:   2 |
"""

HYPO71 = """\
  DATE    ORIGIN    LAT N    LONG W    DEPTH    MAG NO DM GAP M  RMS  ERH  ERZ Q
190706 0319 53.04 35-46.17 117-35.96   8.00   7.10 14 147 4.6 0.16 0.1 0.3 A1
991231  9 5  3.04 35S 6.17   9E 5.96  10.25
"""

SCEDC = """\
#YYY/MM/DD HH:mm:SS.ss ET GT MAG  M    LAT     LON     DEPTH Q  EVID      NPH NGRM
2019/07/06 03:19:53.04 eq  l 7.10 w   35.770 -117.599   8.0 A 11111111   190 2785
2019/12/31 23:59:60.00 qb  l 0.00 n   35.000 -118.250  -1.2 C 22222222    12   40
# Number of rows returned: 2
"""

_LINKS = "  10   5  40  20 -9.000  0.120     1"
RELOC = f"""\
      101  35.500000 -117.250000     8.100    120.5    -40.1     10.0    5.1    6.2    7.3 \
2019  7  6  3 19 53.040  7.1{_LINKS}
      102  35.510000 -117.260000    -0.400    121.5    -41.1     11.0    5.1    6.2    7.3 \
2019 12 31 23 59 60.000  0.0{_LINKS}
"""

ZMAP = (
    "-117.599\t35.77\t2019.5\t7\t6\t7.1\t8.0\t3\t19\t53.04\n"
    "-118.25\t35.0\t2019.75\tNaN\tNaN\tNaN\tNaN\tNaN\tNaN\tNaN\n"
)

PHASE_LIST = """\
2017 09 30 10  00 20.5 33.935 -99999.00 112.363 -99999.00  14.7 -99999.00 0.145
#Phase Arrivals:
            #id   dist azi  phase                    time   res  wt
  XX.ABC.00.BHZ   0.21 152    Pg  2017-09-30 10:00:25.310  0.14 1.0
  XX.ABC.00.BHE   0.21 152    Sg  2017-09-30 10:00:28.500 -0.04 1.0
#Station Magnitudes:
            #id   dist azi  type                    time value  res         amp  per
2017 10 01 00 00 00.0 33.935 -99999.00 112.363 -99999.00  -99999.00 -99999.00 0.145
#Phase Arrivals:
  XX.DEF.00.BHZ   0.60 215    Pg  2017-10-01 00:00:11.730 -0.20 1.0
"""

_IMS_ORIGINS = """\
   Date       Time        Err   RMS Latitude Longitude  Smaj  Smin  Az Depth   Err Ndef Nsta Gap\
  mdist  Mdist Qual   Author      OrigID
"""
_IMS_PHASES = """\
Sta     Dist  EvAz Phase        Time      TRes  Azim AzRes   Slow   SRes Def   SNR       Amp   Per\
 Qual Magnitude    ArrID
"""


def _ims_origin(time, place, depth, author, number, kind="ke"):
    return f"{time:36}{place:35}{depth:>6}{'':38}{kind} {author:9} {number}\n"


IMS = (
    "DATA_TYPE BULLETIN IMS1.0:short\nISC Bulletin\nEvent   700001 Nowhere Islands\n\n"
    + _IMS_ORIGINS
    + _ims_origin("2020/01/01 23:59:50.00", " 35.0000  -17.0000", "33.0f", "AAA", 1)
    + _ims_origin("2020/01/01 23:59:48.50", " 35.2500  -17.2500", "10.0 ", "ISC", 2)
    + " (#PRIME)\n"
    + _ims_origin("2020/01/01 23:59:49.00", " 35.5000  -17.5000", "12.0 ", "BBB", 3)
    + "\n"
    + _IMS_PHASES
    + "ABC     0.73  30.0 P        00:00:04.0     1.1                           T__"
    "                       m__            11\n"
    "ABC     0.73       S        00:00:14.0                                   ___"
    "                       a__            12\n\n"
    "Event   700002 Nowhere Quarry\n\n"
    + _IMS_ORIGINS
    + _ims_origin("2020/01/03 00:00:00.00", " 36.0000  -18.0000", "0.0f", "AAA", 4, "km")
    + _ims_origin("2020/01/03 00:00:01.00", " 36.5000  -18.5000", "0.0 ", "ISC", 5, "km")
    + "\nSTOP\n"
)

_GSE_HEAD = """\
   Date       Time       Latitude Longitude    Depth    Ndef Nsta Gap    Mag1  N    Mag2  N    \
Mag3  N  Author          ID
       rms   OT_Error      Smajor Sminor Az        Err   mdist  Mdist     Err        Err        \
Err     Quality

"""
_GSE_PHASES = """\
Sta    Dist   EvAz     Phase       Date      Time     TRes  Azim  AzRes  Slow  SRes Def  SNR\
        Amp   Per   Mag1   Mag2 Arr ID
"""
GSE2 = (
    "BEGIN GSE2.0\nMSG_TYPE DATA\nMSG_ID example XXX_NDC\nDATA_TYPE BULLETIN GSE2.0\n"
    "EVENT 500001\n"
    + _GSE_HEAD
    + "1995/01/16 23:59:52.4     39.4500   20.4400     66.8       9    8 322  mb 3.6  3  ML 4.0  1"
    "             XXX_NDC     600001\n"
    "      0.53   +- 12.69      93.6   83.7   27    +- 83.8   10.56  78.21   +-0.2"
    "                           m i ke\n\nNOWHERE BORDER REGION\n"
    + _GSE_PHASES
    + "ABC    10.56 150.3 m E P       1995/01/17 00:02:20.7  -0.2 163.7   13.4  13.8   0.1 T     6.8"
    "       0.6   0.3 ML 4.0         700001\n"
    "ABC    10.56 150.3  c  S       1995/01/17 00:04:17.5  -0.6 153.4    3.1  23.4  -1.0  A    4.9"
    "       2.9   0.6                700002\n\n\n"
    "EVENT 500002\n"
    + _GSE_HEAD
    + "1995/01/18 07:27:07.3     50.7721 -129.7602     36.7 f    20    7 252  ML 1.2  2"
    "                        XXX_NDC     600002\n"
    "      0.79   +-  9.63     129.3     .9   37    +-  0.0   10.32  25.90   +-0.1"
    "                           m i ke\n\nNOWHERE ISLAND REGION\n\n\nSTOP\n"
)

NORDIC = (
    " 2013  9 1 2359 15.7 L -43.340 170.376  8.5  XXX  2 0.2 0.6LXXX                1\n"
    " GAP= 86        0.45       1.2     1.6  3.2 -0.3384E+00  0.1270E+01  0.1667E+01E\n"
    " ACTION:NEW 15- 8-11 13:39 OP:AB   STATUS:               ID:20130901235900     I\n"
    " STAT SP IPHASW D HRMM SECON CODA AMPLIT PERI AZIMU VELO AIN AR TRES W  DIS CAZ7\n"
    " ABC  SZ IP       2359 17.24                             145    0.0610    4 304 \n"
    " ABC  S1 IS       24 0  2.50                             145    0.0210    4 304 \n"
    "                                                                                \n"
    " 2013  9 2 0411 60.0 LV-43.301 170.528  9.8  XXX  2 0.2 0.9LXXX                1\n"
    " ACTION:NEW 15- 8-11 13:39 OP:AB   STATUS:               ID:20130902041200     I\n"
    "                                                                                \n"
)

HYPODD_PHASES = """\
#  2025    5   14   23   59   60.000000   40.2254   10.4496   9.4080   3.50  0.0   0.0   0.0       101
ABC   3.52199909  1.0000  P
DEF   5.86199909  1.0000  S
#  2025    5   15   15   43    5.280000   40.2227   10.4497   9.7740   NaN   0.0   0.0   0.0       102
ABC   2.46399997  1.0000  P
"""

_Y2000_TAIL = " " * 84
HYPOINVERSE = (
    f"201907060319530435 4617117 3596  800  0 14147  5  16{_Y2000_TAIL}  38457511W710\n"
    f"1999 1 2 3 4 50535S 617  9E 596 1025 12  8 90  3  25\n"
)

_NLLOC_PHASE = (
    "ABC    ?    HHZ  I P      U 20200101 0000     12.50 GAU      0.05        -1        -1        -1 "
    ">    0.4399   -0.0076    0.9958   -0.0554    0.0289    0.0000    0.3669 109.48 359.0  -1.0  0"
    "     0.0000"
)
_NLLOC_HEAD = """\
SIGNATURE "X   NLLoc:v6.02.07 21Jun2013 12h53m34"
COMMENT ""
GRID  105 105 55  -5 -5 -0.5  0.1 0.1 0.1 PROB_DENSITY
SEARCH OCTREE nInitial 1000 nEvaluated 100000 smallestNodeSide 0.03/0.03/0.01 oct_tree_integral 1.4 \
scatter_volume 1.4
HYPOCENTER  x -0.40125 y 0.15125 z 1.43359  OT 20.1957  ix -1 iy -1 iz -1
GEOGRAPHIC  OT {time}  Lat 51.657659 Long 7.736781 Depth 1.43359
QUALITY  Pmax 4.8e+31 MFmin 27.4 MFmax 27.5 RMS 0.0039 Nphs 1 Gap 156.3 Dist 0.36 Mamp  -9.9 0 \
Mdur  -9.9 0
VPVSRATIO  VpVsRatio -1  Npair 0  Diff -2e+30
STATISTICS  ExpectX -1.3 Y -0.04 Z 3.1  CovXX 1.2 XY 0.2 XZ -0.4 YY 0.6 YZ -0.05 ZZ 1.3 EllAz1  331 \
Dip1  -13.2 Len1  1.3 Az2  229.8 Dip2  -40.7 Len2  1.7 Len3  2.5e+00
STAT_GEOG  ExpectLat 51.65 Long 7.72 Depth 3.12
TRANSFORM  SIMPLE LatOrig 51.65 LongOrig 7.74 RotCW 0.0
QML_OriginQuality  assocPhCt 1  usedPhCt 1  assocStaCt -1  usedStaCt 1  depthPhCt -1  stdErr 0.0039  \
azGap 156.3  secAzGap 227.4  gtLevel -  minDist 0.36 maxDist 1.6 medDist 0.89
QML_OriginUncertainty  horUnc -1  minHorUnc 1.136  maxHorUnc 1.72742  azMaxHorUnc 69.8588
FOCALMECH  Hyp  51.657659 7.736781 1.433594 Mech  0 0 0 mf  0 nObs 0
PHASE ID Ins Cmp On Pha  FM Date     HrMn   Sec     Err  ErrMag    Coda      Amp       Per  >   \
TTpred    Res       Weight    StaLoc(X  Y         Z)        SDist    SAzim  RAz  RDip RQual    Tcorr
"""
NLLOC = "".join(
    f'NLLOC "./loc/a.grid0" "{state}" "done."\n{_NLLOC_HEAD.format(time=time)}{phases}END_PHASE\nEND_NLLOC\n\n'
    for state, time, phases in (
        ("LOCATED", "2020 01 01  00 00 10.500000", _NLLOC_PHASE + "\n"),
        ("REJECTED", "2020 01 02  23 59 60.250000", ""),
    )
)

SCML = """\
<?xml version="1.0" encoding="UTF-8"?>
<seiscomp xmlns="http://geofon.gfz-potsdam.de/ns/seiscomp3-schema/0.11" version="0.11">
  <EventParameters>
    <pick publicID="p1"><time><value>2020-01-01T00:00:12.5Z</value></time>
      <waveformID networkCode="XX" stationCode="ABC" channelCode="HHZ"/>
      <phaseHint>P</phaseHint><evaluationMode>manual</evaluationMode></pick>
    <pick publicID="p2"><time><value>2020-01-01T05:00:00Z</value></time>
      <waveformID networkCode="XX" stationCode="ABC" channelCode="HHZ"/>
      <phaseHint>P</phaseHint></pick>
    <origin publicID="o1"><time><value>2020-01-01T00:00:10.5Z</value></time>
      <latitude><value>35.25</value></latitude><longitude><value>-117.5</value></longitude>
      <depth><value>8.0</value></depth>
      <arrival><pickID>p1</pickID><phase>P</phase></arrival>
      <magnitude publicID="m1"><magnitude><value>2.5</value></magnitude><type>MLv</type></magnitude>
    </origin>
    <origin publicID="o2"><time><value>2020-01-02T00:00:00Z</value></time>
      <latitude><value>36</value></latitude><longitude><value>-118</value></longitude></origin>
    <event publicID="e1"><preferredOriginID>o1</preferredOriginID>
      <preferredMagnitudeID>m1</preferredMagnitudeID><type>quarry blast</type>
      <originReference>o1</originReference></event>
    <event publicID="e2"><preferredOriginID>o2</preferredOriginID><type>volcano-tectonic</type>
      <originReference>o2</originReference></event>
  </EventParameters>
</seiscomp>
"""

SAMPLES = {
    "nlloc": NLLOC,
    "scml": SCML,
    "hypoinverse": HYPOINVERSE,
    "fdsn": FDSN,
    "comcat": COMCAT,
    "spaceapps": SPACEAPPS,
    "levent": LEVENT,
    "mqs-epochs": EPOCHS,
    "seisglitch": SEISGLITCH,
    "hypo71": HYPO71,
    "scedc": SCEDC,
    "hypodd": RELOC,
    "zmap": ZMAP,
    "phase-list": PHASE_LIST,
    "ims": IMS,
    "gse2": GSE2,
    "nordic": NORDIC,
    "hypodd-phases": HYPODD_PHASES,
}
