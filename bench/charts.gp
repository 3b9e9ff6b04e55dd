# Draws the run's own data:   gnuplot -e "data='build/bench'; out='docs'" bench/charts.gp
set terminal svg size 760,360 font "sans-serif,12" background "white"
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.8 noborder
set grid ytics lc rgb "#dddddd"
set border 3
set tics nomirror
set key top left

set output out . "/performance-many.svg"
set title "CPU of a GET, undecoded, against a curl\\_multi loop in C"
set ylabel "times curl\\_multi"
set yrange [0:*]
plot for [i = 0:4] data . "/many.dat" using 5:xtic(1) every 5::i \
  title word("curl\\_multi map,5.4 map,LuaJIT gatherer,5.4 gatherer,LuaJIT", i + 1)

set output out . "/performance-nginx.svg"
set title "One nginx worker, 100 callers: CPU of a call"
set ylabel "microseconds"
plot data . "/nginx.dat" using 2:xtic(1) title "event loop", "" using 3 title "all threads"
