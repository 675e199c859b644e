"""Small files as pickers, associators and viewers write them, made by hand: two rows each."""

PROGRAM_SAMPLES = {
    "eqtransformer": """\
file_name,network,station,instrument_type,station_lat,station_lon,station_elv,event_start_time,\
event_end_time,detection_probability,detection_uncertainty,p_arrival_time,p_probability,\
p_uncertainty,p_snr,s_arrival_time,s_probability,s_uncertainty,s_snr
f1,GS ,CA06 ,HH,35.6,-117.4,796.0,2019-09-01 16:21:55.180000,2019-09-01 16:22:06,1.0,,\
2019-09-01 16:21:55,0.95,,20.9,2019-09-01 16:21:57.670000,0.92,,25.6
f2,GS ,CA06 ,HH,35.6,-117.4,796.0,2019-09-01 16:25:00,2019-09-01 16:25:06,0.4,,,,,,\
2019-09-01 16:25:02.500000,0.3,,
""",
    "phasenet": """\
station_id,begin_time,phase_index,phase_time,phase_score,phase_type,file_name
NC.MCV..EH,2020-10-01T00:00:00.003,4180,2020-10-01T00:00:41.803,0.957,P,a.mseed
NC.MCV..EH,2020-10-01T00:00:00.003,4480,2020-10-01T00:00:44.803,0.71,S,a.mseed
""",
    "pyocto-input": """\
station,phase,time,probability
CX.PB01,P,1398902402.500000,0.9
CX.PB01,S,1398902412.000000,0.5
""",
    "gamma-picks": """\
id,timestamp,type,prob,amp
NC.MCV,2020-10-01T00:00:41.803,p,0.957,1.5
NC.MCV,2020-10-01T00:00:44.803,s,0.71,2.5
""",
    "phasenet-old": """\
fname\tt0\tp_idx\tp_prob\ts_idx\ts_prob
NC.MCV..EH.0361339.npz\t1996-08-10T12:00:00.000\t[4180]\t[0.957]\t[4480]\t[0.71]
NC.MCV..EH.0361340.npz\t1996-08-10T13:00:00.000\t[]\t[]\t[]\t[]
""",
    "seisbench": """\
,station,time,start_time,end_time,probability,phase,polarity
0,CX.PB01.,2014-05-01T00:00:02.500,2014-05-01T00:00:02.100,2014-05-01T00:00:03,0.9,P,
1,CX.PB01.,2014-05-01T00:00:12,,,0.5,S,
""",
    "seisbench-detections": """\
,station,start_time,end_time,probability
0,CX.PB01.,2014-05-01T00:00:02.100,2014-05-01T00:00:33,0.9
1,CX.PB01.,2014-05-01T01:00:00,2014-05-01T01:00:10,0.4
""",
    "gamma": """\
time\tmagnitude\tsigma_time\tsigma_amp\tgamma_score\tevent_index\tx(km)\ty(km)\tz(km)
2019-07-04T17:02:55.057\t2.5\t0.3\t0.4\t20.1\t1\t10.5\t20.5\t5.5
2019-07-04T18:02:55\t999\t0.2\t0\t9.5\t2\t11.5\t21.5\t6.5
""",
    "pyocto": """\
idx,time,x,y,z,picks,latitude,longitude,depth
0,1404187263.123457,1.5,2.5,31,12,-21.5,-69.5,30.25
1,1404187300,3.5,4.5,41,10,-21.25,-69.25,40.5
""",
    "pyocto-picks": """\
event_idx,pick_idx,residual,station,phase,time,probability
0,5,0.25,CX.PB01.,P,1404187270.5,0.5
0,6,-0.125,CX.PB02.,S,1404187275.123457,0.75
""",
    "quakemigrate": """\
EventID,DT,X,Y,Z,COA,COA_NORM,COV_ErrX,TRIG_COA,ML,ML_Err
20140824000128180,2014-08-24T00:01:27.980000Z,-16.933873,64.779681,5.95,9.691,8.823,0.4,3,1.19,0.2
20140824000233420,2014-08-24T00:02:33.250000Z,-16.92,64.78,6.5,5.5,4.5,0.3,2.5,0.5,0.3
""",
    "quakemigrate-trigger": """\
EventID,CoaTime,TRIG_COA,COA_X,COA_Y,COA_Z,COA,COA_NORM
20140824000109140,2014-08-24T00:01:09.140000Z,2.35673,-16.948544,64.754113,7,2.40836,2.35673
20140824000120180,2014-08-24T00:01:20.180000Z,2.28094,-16.906546,64.798969,7,2.15342,2.28094
""",
    "quakemigrate-picks": """\
Station,Phase,ModelledTime,PickTime,PickError,SNR,Residual
DYJN,P,2014-08-24T00:01:31.372615Z,2014-08-24T00:01:31.420681Z,0.0729,31.2,0.048066
DYJN,S,2014-08-24T00:01:34.018962Z,2014-08-24T00:01:33.989258Z,0.0741,34.8,-0.029704
""",
    "picks": """\
event,station,phase,modelled_time,pick_time,pick_error,snr,residual
20140824000109140,DYJN,P,2014-08-24T00:01:11.9Z,2014-08-24T00:01:11.952429Z,0.0826,16.2,0.027137
20140824000109140,DYJN,S,2014-08-24T00:01:14.2Z,2014-08-24T00:01:14.228910Z,0.0859,21.7,-0.04065
""",
    "aaa": """\
class\tyear\tmonth\tday\thour\tminute\tsecond\tlength\tpath\tf0\tf1
VT\t2018\t10\t08\t8\t15\t5\t12.5\ta.mseed\tNone\tNone
LP\t2018\t10\t08\t23\t59\t59.5\t30\ta.mseed\t0.5\t2.5
""",
    "real": """\
    1 2016 10 14 00:00:09.264       9.2640   0.2931      42.8020      13.2112       6.0000    \
0.908    0.244    1    1    2    1  101.5
XO AM05 P      12.0957       2.8317   0.0000e+00       0.0911   1.0000  120.5
XO AM05 S      15.3521       6.0881   1.5000e-03       0.2050   0.5000  120.5
    2 2016 10 14 23:59:58.500   86398.5000   0.2171     -42.7420     -13.1912       4.0000    \
0.561    0.784    1    0    1    0  200.0
IV ARRO P   86404.2500       5.7500   0.0000e+00      -0.1346   1.0000   20.0
""",
    "pywcc-templates": """\
det400 2014/03/02 08:32:23.003  39.7925 -118.9884 -0.048 -0.10 010  0.026  0.060 14030208322  w 1
det401 2014/03/02 12:10:40.404  39.7936 -118.9873  0.362  0.34 015  0.023  0.081 140302121040 w 1
""",
    "pywcc": """\
2014/04/07 03:14:33.730 39.79672 119.01317  0.298                 2 det428:0.57
2014/04/07 03:18:49.200 39.79440 119.01370 -0.287                     2 det411:1.00
""",
    "snuffler": """\
# Snuffler Markers File Version 0.2
event: 2015-04-16 06:38:08.8350  0 4342fb5oj726   51.4177 12.1323  29344.5 3.22 None ev1 "Halle, DE"
event: 2017-04-29 00:56:23.3900  2 sbqqrmbj03ce   51.3385 12.2131  None None GCMT  None None
phase: 2015-04-16 06:38:16.2762  0 SX.NEUB..BHZ    4342fb5oj726   2015-04-16   06:38:08.8350 P \
       None False
phase: 2015-04-16 06:38:27.0000 2015-04-16 06:38:28.0000 1.0  0 TH.ABG1..BHZ    4342fb5oj726   \
2015-04-16   06:38:08.8350 S        None True
phase: 2015-04-17 06:38:27.0000  0 TH.ABG1..BHZ    None None None P 1 False
2015-04-16 06:38:13.9964  0 TH.CHRS..BHE
""",
    "geojson": """\
{"type": "FeatureCollection", "seisml:time_basis": "origin", "seisml:body": "moon", "features": [
{"type": "Feature", "id": "a", "geometry": {"type": "Point", "coordinates": [-21.5, -3.5, -500.0]},
 "properties": {"time": "1969-11-20T22:17:17.700000Z", "label": "LM", "mass_kg": 2383}},
{"type": "Feature", "id": "b", "geometry": null,
 "properties": {"time": "1970-04-15T01:09:41Z", "end_time": "1970-04-15T02:09:41Z"}}
]}
""",
}
"""By the name of the format."""

PROGRAM_OPTIONS = {"aaa": {"zone": "UTC"}, "pywcc-templates": {"zone": "UTC"}}
"""What must be said to read a sample, where the file leaves it open."""
