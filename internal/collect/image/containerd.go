package image

import (
	"context"
	"errors"
)

func fromContainerd(context.Context, string, Platform, map[string]string) (*Opened, error) {
	return nil, errors.New("content stores are not read yet")
}
