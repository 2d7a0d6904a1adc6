package helm

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// durationFuncs are Helm's functions about durations. They take a duration, a
// text such as "90s" or "2.5", or a number of seconds.
func durationFuncs() template.FuncMap {
	in := func(unit time.Duration) func(any) float64 {
		return func(v any) float64 {
			d, err := duration(v)
			if err != nil {
				return 0
			}
			return float64(d) / float64(unit)
		}
	}
	whole := func(unit time.Duration) func(any) int64 {
		return func(v any) int64 {
			d, err := duration(v)
			if err != nil {
				return 0
			}
			return int64(d / unit)
		}
	}
	to := func(round func(time.Duration, time.Duration) time.Duration) func(v, unit any) time.Duration {
		return func(v, unit any) time.Duration {
			d, err := duration(v)
			if err != nil {
				return 0
			}
			u, err := duration(unit)
			if err != nil {
				return d
			}
			return round(d, u)
		}
	}
	return template.FuncMap{
		"mustToDuration":       duration,
		"durationSeconds":      in(time.Second),
		"durationMinutes":      in(time.Minute),
		"durationHours":        in(time.Hour),
		"durationDays":         in(24 * time.Hour),
		"durationWeeks":        in(7 * 24 * time.Hour),
		"durationMilliseconds": whole(time.Millisecond),
		"durationMicroseconds": whole(time.Microsecond),
		"durationNanoseconds":  whole(time.Nanosecond),
		"durationRoundTo":      to(time.Duration.Round),
		"durationTruncateTo":   to(time.Duration.Truncate),
	}
}

func duration(v any) (time.Duration, error) {
	switch v := v.(type) {
	case nil:
		return 0, errors.New("no duration is given")
	case time.Duration:
		return v, nil
	case string:
		text := strings.TrimSpace(v)
		if d, err := time.ParseDuration(text); err == nil {
			return d, nil
		}
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return 0, fmt.Errorf("%q is no duration", v)
		}
		return ofSeconds(seconds)
	}
	n := reflect.ValueOf(v)
	switch {
	case n.CanInt():
		return ofSeconds(float64(n.Int()))
	case n.CanUint():
		return ofSeconds(float64(n.Uint()))
	case n.CanFloat():
		return ofSeconds(n.Float())
	}
	return 0, fmt.Errorf("a %T is no duration", v)
}

func ofSeconds(seconds float64) (time.Duration, error) {
	nanos := seconds * float64(time.Second)
	if math.IsNaN(nanos) || nanos >= math.MaxInt64 || nanos <= math.MinInt64 {
		return 0, fmt.Errorf("%v seconds are no duration", seconds)
	}
	return time.Duration(nanos), nil
}
