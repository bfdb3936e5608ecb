package exchange

// SpoilCalls makes every question about several calls fail.
func (x *Exchange) SpoilCalls(err error) {
	x.dialled.do = func(all []*dialled) {
		for _, d := range all {
			d.err = err
		}
	}
}
